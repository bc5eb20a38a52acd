"""Words on signs, shirts and bags, which must not be mistaken for a brand of similar spelling."""

from __future__ import annotations

_TEXT = """
about above academy access across action active address adult adults after again against airport alarm album
alive alone along already also always amazing angel animal animals another answer any anyone apple april
arctic area army around arrival arrivals artist asia athletic athletics atlanta august author avenue away
baby back bakery balance band bank bar barber base baseball basic basics basket basketball beach bear beast
beauty because bed beer before begin behind being believe below berlin best better between beyond bicycle
bike bird black blank blue board boat body bold book books boots born boss boston both bottle bottom box
boxing boy boys brand brave bread break breakfast bridge bright bring broken brooklyn brother brown build
built bull burger burn bus business butter button buy cafe cake california call camera camp can canal candy
capital captain car card care careful cars cart cash casual cat caution center central centre chain chance
change channel chapel charge charity charm cheap check checkout cheese chef cherry chest chicago chicken
child children chill china chocolate choice choose christmas church circle circus city class classic clean
clear clearance climb clinic clock close closed cloth clothes clothing cloud club coast coat coats code
coffee cold collect collection college color colour come comfort comfortable coming common company concert
connect control cook cookie cool copper corner cotton country course court cover cream create creative
credit crew cross crown crystal cup customer customers cycle daily dance danger dark date daughter day days
dead deal dealer dear decade deep deluxe denim design designer desk dessert detroit diamond different
digital dinner direction discount discover discovery divine doctor dog dollar done door double down dream
dreams dress dresses drink drive driver drop dry eagle early earth east easy eat edition education electric
elegant elevator elite email emergency empire empty end endless energy engine england english enjoy enough
enter entrance entry equal escape essential essentials europe even evening event ever every everyday
everything exchange exclusive exit experience explore express extra extreme eyes fabric face factory fair
faith fall family famous fancy farm fashion fast father favorite fear feed feel feeling female festival
field fight film final find fine fire first fish fit fitness five fix flag flash fleece flight floor flower
flowers fly follow food football force forest forever forget forward found four fragile france free freedom
french fresh friday friend friends from front fruit fuel full fun fund funny furniture future gallery game
games garage garden gas gate general gentle german germany get giant gift gifts girl girls give glass global
glory glove gloves goal gold golden golf good grand grass gray great green grey grill grind ground group
grow guard guess guest guests guide guitar guys gym hair half hall hand handle hands happen happiness happy
harbor harbour hard hat have hawaii head health healthy heart heat heaven heavy hello help here hero heroes
high highway hill history hockey hold holiday home honest honey hope horse hospital hot hotel hour hours
house hug human hundred hungry hunter ice icon idea ideas image imagine import important inside inspire iron
island italian italy item items jacket jackets japan jazz jeans jewel jewelry job join journey joy juice
july jump june jungle junior just keep key kids kind king kingdom kiss kitchen kitty knife know label ladies
lady lake land large laser last late laugh laundry leader learn leather leave left legacy legend legends
lemon less letter level liberty library life lift light lights like limited line linen lion liquid list
listen little live living local lock logo london lonely long look loose lord lose lost lots love lovely
lover low lucky luggage lunch luxury machine made magic mail main make makeup male mama man manager many map
marble march marine mark market master matter maximum may maybe meal mean medicine medium meet member
members memory men mens menu mercy message metal miami middle midnight milan mile milk million mind mini
minute mirror miss mission mix mobile mode model modern moment monday money monkey month moon more morning
most mother motion motor mountain mountains mouse move movie much muscle museum music must mystery name
national native natural nature navy near need never new news next nice night nobody noise north nothing
notice november number nurse oasis ocean october off offer offers office officer official ohio okay old
olympic once one only open opening orange order organic original originals other outdoor outdoors outlet
outside over own oxford pacific pack package page pain paint palace panda panel pants paper paradise parents
paris park parking part party pass passion past path pattern pause pay peace people pepper perfect
performance perfume phone photo piano picture pilot pink pirate pizza place plane planet plant plastic play
player players please pleasure plus pocket point police polo pool poor pop popular port positive post power
prado premium present president press pretty price prices pride prime prince princess print private prize
problem product products professional profile project promise proud public pull punk pure purple push queen
quick quiet quit race racer racing radio rain rainbow random ranger rangers reach read ready real rebel
receipt record recycle red reduced relax remember rental repair reserve reserved respect rest restaurant
restroom retro return returns reverse revolution rich ride rider right ring rise river road robot rock
rocket roll romance room rose rough round route royal rugby rule rules run runner running rush russia safe
safety sailing saint salad sale sales salon same samurai sand saturday save savings scarf school science
score scout season seat second secret section security see self sell send senior september series service
session seven sexy shadow shape shark sharp shine shiny ship shirt shirts shoe shoes shop shopping short
shorts show shower sick side sign silence silent silk silver simple since single sister size sizes skate
skateboard skin skirt skull sky sleep slim slow small smart smile smoke smoking smooth snack sneaker
sneakers snow soccer social society socks soft sold soldier some someone something song soon soul sound soup
south space spain spare special speed spicy spirit sport sporting sports spring squad square stadium staff
stage stairs stand star stars start state states station stay steak steel steps still stock stone stop
storage store stores storm story strange street strength stress strong student students studio stuff style
sugar suit suite summer sun sunday sunglasses sunset sunshine super superior supply support supreme sure
surf surface surprise survivor sushi sweat sweater sweet swim system table take talk tall tank target taste
tattoo tax taxi tea teach teacher team tennis texas thank thanks that them theory there these they thing
things think this those thousand three thunder thursday ticket tickets tie tiger tight till time tired tires
toast today together toilet tokyo tomorrow tools top total touch tour tower town toys track trade trading
tradition traffic trail train training travel treasure treat tree trend triangle tribe trick trip tropical
trouble truck true trust truth try tuesday turn twelve twenty twice ugly ultimate under underwear unicorn
union unique unit united university until upper urban vacation valley value vegan vegas velvet vibes victory
video view village vintage virgin virginia vision visit vital voice volume vote wait walk wall wallet want
warm warning warranty warrior warriors wash watch watches water wave waves way weapon wear weather website
wedding week weekend welcome west wheel when where which white whole wild will win window wine wings winner
winter wish with without wolf woman women wonder wonderful wood wool work worker workout works world worth
wrong yard year years yellow yesterday yoga york you young your youth zero zone
"""

# What makes a sentence of the words around it.
_SMALL = """
a aber al all alle als am an and any are as at au auf aus aux avec be been bei bis bist but by can ce ces cet
cette chez come comme con cosa could da dal dans das dass de dein deine del della dem den der des di dich did
die dir do does donc dont du ed ein eine einem einen einer elle elles en entre er es est et euch euer eux for
fur gli had has hat have he her hier him his how i ich if ihr ihre il ils im in into io is ist it its ja je
jusqu kein keine la le les leur leurs lo lui ma mais me mein meine mes mich mir mit moi mon my nach ne nein
nel nella nicht no noch nor nos not notre nous nur ob oder of ohne on or ou our out par pas per piu plus pour
quand que qui sa sans schon seid sein ses shall she si sich sie sind so son sono sont sous such sur ta te tes
than that the their them then they this to toi ton too tous tout toute toutes tu uber um un una und une uno
uns unser unsere unter up us vers vom von vor vos votre vous war was we weil wenn wer were what who why wie
will wir wird with wo would y you your yours zu zum zur
"""

# Brands that are words, places or names too.
_BRANDS = """
aldo apple arena ariat barbour bench boss bravo buffalo burton camel camper cat champion coach columbia
converse dickies diesel ecco esprit express formula fossil gap guess hunter jordan lee mammut mango mission
monsoon mustang next nickel oasis omega on only opel orsay patagonia pepe polar polo replay reserved river
scotch soda supreme swatch target triumph vero
"""

# German and French on signs, and words in both and in English that are a letter from a brand.
_SIGNS = """
abend abteilung accessoires accueil achat achats adios aktion aktionen allee alles angebot angebote ankleide
anprobe apotheke armand armati armee armin artikel ascenseur aujourd ausgang ausverkauf auswahl automne
backerei balanced banken bar barton basic baskets beaute bebe beige belle beratung bestseller betreten
bienvenue bijou bijoux bitte blanc bleu blueberry blusen boissons bonds bonjour bonnes bottes boutique brillen
brot buch bucher bummel burg cadeau cadeaux caisse caisses campione campioni canal carmin carrelage carrier
carriers carte carter catalonia ceinture ceintures champignon champignons championne champions chanels chapeau
chapeaux chapters charter chaussettes chaussures chemise chemises chic chocs choix cline clocks coaches coast
collants colombia colombian colombie columbian columbus combien comverse concerne condense connerie conserve
conserves converge conversely convert converted converter converti converts convierte costume cote cotes
couleur couverte cravate createur crisps croce crock crois croissant crops cross crows cuir cumberland damen
danke danken defense demain derniere derniers devis dieb diese diesem diesen dieser dieses dimanche dressed
druck drucken eau echange echanges ecole eingang einkauf einkaufen elegante empfang ende enfant enfants
entdecken entree erdgeschoss ersparnis escalier essayage essen estar etage ete etoile euro euros exclusif
fabrique fahrstuhl feiern feline femme femmes fenders fending fends fendt fendu fenster ferien ferme fermes
fermeture ferrara ferraris fete fille filles finding fleur fleurs fondi formes formular formulare formulas
formulee formuler formules fossi fossile fossils frais francais freitag frisch frisur fromage fruhling
fundburo fussy gamin gamine gang gaps garcon garcons garten gastar gauche gebaude gelb geld genuss geoffnet
geschaft geschenk geschenke geschlossen gesund getranke gilet gluck grande grands gratis gratuit gross grosse
grun gruppe gruss guesses guessing gunstig gurtel gustar gut gutschein haltestelle handtasche handtaschen haus
hauser hemd hemden herbes herbst heres hermit hermits heroes herpes herren herzlich heute himmel hiver homme
hommes horaires hose hosen hosenanzug hummeln hummels hummer hut hute ici immer jacke jacken jackson jahre
jardin jeder jetzt jeudi joie jordans jouet jouets jour jourdan jours junge jupe jupes kacken kaffee kanten
kapla kappe kappen kasse kassen kaufen kaufhaus kiesel kind kinder kinderwagen kleid kleider kleidung klein
knopf kollektion komm kostenlos kranken krawatte kuchen kummel kunde kunden laces lacrosse laden lager leben
lebensmittel leder levees leves levies levin lewis liebe lieben lieblings lingerie linie livraison livre lowe
lowen lummel lundi lune lunettes lutte magasin maillot maison manga mangas mange manger mangez mangos manteau
manteaux mantel mappa marche mardi marge marken markt marque marques mehr meilleur menthe merci mercredi mere
metro mittag mitte mobel mode moden moins mois moitie monde montag montre montres morgen musique mutze mutzen
nachster neu neue neuer neues neuf neuheiten nexus niece nikon nines nodes noir notausgang nouveau nouveaux
nouvelle nouvelles obergeschoss offen offnungszeiten offre offres ohrringe omegas only orders ouvert ouverture
pain panels pantalon pantalons papier parada parade parades parc parfum parfums parkhaus parking passage
patagonie pause paye peace petit petite petits pied place plage poche pomme porche porte post pousser pram
prams preda preis preise preiswert printemps prix promo promotion promotions prozent pull pulls pumps qualitat
quartier rabatt rabatte raum rayon rebook reduction reductions reduziert reise relax remise rendez rendi rendu
rentree renverse residual retour retrait ring robe robes rock rocke roles rolled rolltreppe rot rouge ruckgabe
rue rummel sac sacs saison salmon saloon samedi samson samstag sante schal schals schlussverkauf schmuck
schnell schon schone schuh schuhe schwarz service skater skaters sketch sketcher sketches snatch soir soldes
soleil solomon sommer sommerschlussverkauf sonderangebot sonne sonnenbrillen sonntag sortie soutien sparen
spass spielwaren sport stadt stiefel stock strasse strumpfe stuck stuffy stuss style superare supermarkt
suprema supremes supremo swatches switch switches taille tailles tanken tapis tappa tasche taschen termes
teuer thermes timber timberlake tirer tissu toilette toiletten tommys toujours treppe trousse tur uhr uhren
umkleide umkleidekabine untergeschoss vacances valentin valentina valentine valentines valentins valise vanes
vases vendre vendredi vendu vente ventes vents vereint verkauf verse verses verso versus vert veste vestes
vetement vetements vie ville vin vitrine voiture vous voyage wander waren warenhaus wasche weihnachten weiss
welt wiesel willkommen winter wohnen zahlen zebra zeit zentrum ziehen zimmer zuruck
"""

# Words of many languages, places, names, leathers and other makes, a letter or two from a brand: what the
# starter set made of frequent words of 16 languages, an English dictionary, names and cities.
_OTHERS = """
age air anti arada armadi armeni ball barberry bay bell ben berton bevis bilfinger billiger bit bucci burbon
buxton calfskin caline calumnia cappa cartiera cartiere celibe celina chancel chaney chantel charnel chartier
chatel chose coline colombina columpio convence convenue conversa conversie converso converte convinse croci
crocks croco crocus crous dan died diet each efendi eight faces fact fake fan fans fat fenda ferraro ferreri
few formulae formulat fossiel fossili fossilt fundi garcin gardin garvin gay gestar girls gitar given gostar
grada gress guy hammel herkes hermed hermen herres hey huge hummed jan joe jordaan jordana jordas jorden
kaiken kalpa kampa kamppa kankan kannen kansen kapka kapta kauppa kendi kippa klanken klappa knappa knew
kolumbia konverze lacosta lanken lappa lavis leads levas levins lexis liesel loans loewen lucci manken means
mendi moleskin mouth nappa nevis now oatley omegn omena online orada pair pappa partier patagonica patagonico
peak piada porada praca praga praha praia prana prasa prata prava pravda prawa prawda praya prida pryda pucci
pummel quicksilver ranken rappa rayman rebalance reline revis salentina salentino salomone sir skeeters solex
supremi suprime teams teline than timberyard tolentino trada tucci umbri umero valentini van vendi vermes
versare versate volantino wanken wendi while write yendi zanken zappa zimowa zrada
"""

# What stands beside a brand that is a word: GUESS JEANS, COACH NEW YORK, MANGO MAN.
_COMPANIONS = """
accessories active angeles apparel athletic athletics bag bags band black blue brand by clothing club co
collection company couture denim design designs edition est established eyewear fashion footwear garments
genuine girl girls golf hugo inc industry italia jean jeans junior kid kids label leather leatherware london
los ltd made madrid man men milan milano new of original originals outdoor outerwear paris premium quality r
san shoes since sport sports sportswear standard store studio supply swiss team tm trademark training
underwear usa watch watches wear woman women workwear york
"""

COMPANIONS = frozenset(_COMPANIONS.split())
COMMON_WORDS = frozenset(f"{_TEXT} {_SMALL} {_BRANDS} {_SIGNS}".split())
MISREAD_AS_NONE = COMMON_WORDS | frozenset(_OTHERS.split())
"""What is no brand misread: common words, and those that are rare on things or name another make (PUCCI)."""
