"""Common words on signs, shirts and bags: not to be taken for a brand that is a letter away."""

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

COMMON_WORDS = frozenset(_TEXT.split())
