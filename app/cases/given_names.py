"""Given names that are common where smears are read: in a file name they tell a person, however it is written."""

_WORDS = """
ada adam adrian agnes ahmed aisha alan albert alejandro alessandro alexander alexandra alfred ali alice alina amelia
amina amir ana anders andrea andreas andrew andrzej angela anita anja ann anna anne annika anthony anton antonio
arjun arthur astrid aylin ayse barbara beata beatrice ben bernd bianca birgit bjorn boris brigitte bruno camille
carla carlos carmen carol caroline catherine cecilia charles charlotte chen chiara chloe christa christian christina
christine claire clara claudia cornelia cristina dagmar daniel daniela david deborah deepak denise diana diego
dieter dimitri dmitri dominik donald donna dora doris dorothea edith eduardo edward elena eleni elif elisabeth
elizabeth ella elsa emil emilia emily emma enrico eric erik erika ernst ester esther eva evelyn fatima fatma felix
fernando filip florian francesca francesco francisco frank franz frida friedrich gabriel gabriela georg george gerda
gerhard gertrud giovanni gisela giulia giuseppe grace greta gudrun guido gustav hanna hannah hannes hans harald
hassan heather heidi heike heinrich helen helena helga helmut henrik henry herbert hermann hilde holger horst hugo
hussein ibrahim igor ines ingrid irena irene irina isabel isabella ivan jacob jacques jakob james jan jana jane
janina janusz jasmin javier jean jennifer jens jessica joanna joao johan johanna johannes john jonas jorge jose
josef joseph joshua juan judith julia julian juliette julio karen karin karl karolina katarina katharina kathleen
katja katrin kenneth kevin khadija klara klaus krzysztof lara larissa lars laura lea lena leon leonie linda lisa
louis louise luca lucas lucia ludwig luis luisa lukas lydia magdalena manfred manuel manuela marco marcus margaret
margarete maria mariam marie marina mario marion marta martha martin martina mary mateusz matthew matthias maya
mehmet melanie mia michael michele miguel mila milan miriam mohamed mohammed monica monika mustafa nadia natalia
natalie nicolas nicole nikolai nina nora olaf oleg olga oliver olivia omar oscar otto pablo paolo patricia patrick
paul paula pavel pedro peter petra philipp pierre pilar piotr priya rachel rafael raj rajesh ralf ramon raquel
rebecca regina reza ricardo richard rita robert roberto roland rosa rosemarie rudolf ruth sabine salma samuel sandra
sara sarah sebastian sergei sergio silke silvia simon sofia sonja sophia sophie stefan stefanie stephen steven susan
susanne sven sylvia tamara tanja tatjana teresa thomas tobias tomasz ulrich ulrike ursula uwe valentina vera
veronika victor viktor virginia vladimir walter wanda werner wilhelm william wolfgang xavier yasmin yolanda yusuf
zeynep zoe
"""
GIVEN_NAMES = frozenset(_WORDS.split())
