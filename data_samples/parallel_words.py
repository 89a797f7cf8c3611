"""The words of `make_parallel.py`: English, Chinese, and what each may be combined with.

A noun carries its measure word (一只猫, 一本书), a verb the kinds of things it is done to, an activity where it happens.
Where one English word has two Chinese ones, the noun decides which: to wear a hat is 戴, a coat 穿.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_THE_CHINESE = {"big", "small", "new", "old", "dirty"}  # 大房子, but 漂亮的房子: short adjectives stand without 的


@dataclass(frozen=True)
class Noun:
    """A thing that can be counted: `measure` is the Chinese word between the number and the noun."""

    en: str
    plural: str
    zh: str
    measure: str
    group: str


@dataclass(frozen=True)
class Activity:
    """Something people do: a verb, what follows it in English, and all of it in Chinese."""

    verb: str
    rest: str
    zh: str
    place: str  # "in", "out" or "any"
    skill: bool  # something one can or cannot do


# group -> nouns "english chinese measure", adjectives that may stand before them, adjectives that may be said of them
GROUPS = {
    "animal": (
        "cat 猫 只, dog 狗 只, bird 鸟 只, rabbit 兔子 只, "
        "monkey 猴子 只, duck 鸭子 只, goat 山羊 只, fish/fish 鱼 条, horse 马 匹, "
        "cow 牛 头, pig 猪 头, panda 熊猫 只, snake 蛇 条, elephant 大象 头, tiger 老虎 只, frog 青蛙 只, mouse/mice 老鼠 只, "
        "turtle 乌龟 只",
        "black white brown cute clever beautiful",
        "cute clever big small fat thin lazy beautiful",
    ),
    "reading": (
        "book 书 本, dictionary 词典 本, magazine 杂志 本, newspaper 报纸 份, letter 信 封, novel 小说 本",
        "new old interesting thick",
        "interesting boring long thick difficult useful",
    ),
    "paper": (
        "map 地图 张, photo/photos 照片 张, ticket 票 张, card 卡片 张, painting 画 幅",
        "new old beautiful",
        "new old",
    ),
    "furniture": (
        "table 桌子 张, bed 床 张, chair 椅子 把, sofa 沙发 张, lamp 灯 盏, mirror 镜子 面, cupboard 柜子 个",
        "big small new old red white black brown cheap beautiful",
        "big small new old expensive cheap heavy light beautiful clean dirty",
    ),
    "tool": (
        "umbrella 雨伞 把, knife/knives 刀 把, key 钥匙 把, "
        "pen 钢笔 支, pencil 铅笔 支, cup 杯子 个, bottle 瓶子 个, bag 包 个, "
        "box 盒子 个, basket 篮子 个",
        "big small new old red blue green yellow black cheap",
        "big small new old long expensive cheap useful clean dirty",
    ),
    "clothes": (
        "shirt 衬衫 件, sweater 毛衣 件, coat 外套 件, skirt 裙子 条, dress 连衣裙 条",
        "new old red blue green yellow white black beautiful cheap dirty clean",
        "new old long short expensive cheap beautiful comfortable clean dirty",
    ),
    "accessory": (
        "hat 帽子 顶, scarf/scarves 围巾 条, watch 手表 块, tie 领带 条",
        "new old red blue green yellow white black beautiful cheap",
        "new old expensive cheap beautiful comfortable",
    ),
    "machine": (
        "phone 手机 部, computer 电脑 台, television 电视 台, camera 照相机 台, radio/radios 收音机 台",
        "new old big small white black cheap",
        "new old big small expensive cheap heavy light useful slow",
    ),
    "vehicle": (
        "car 汽车 辆, bicycle 自行车 辆, bus 公共汽车 辆, truck 卡车 辆, taxi 出租车 辆, motorcycle 摩托车 辆, train 火车 列, "
        "plane 飞机 架, boat 船 艘",
        "big small new old red blue green yellow white black",
        "big small new old fast slow expensive clean dirty",
    ),
    "food": (
        "apple 苹果 个, pear 梨 个, orange 橙子 个, banana 香蕉 根, "
        "egg 鸡蛋 个, cake 蛋糕 个, peach 桃子 个, watermelon 西瓜 个, "
        "tomato 西红柿 个, potato 土豆 个, dumpling 饺子 个, carrot 胡萝卜 根, biscuit 饼干 块",
        "big small fresh cheap",
        "big small fresh delicious expensive cheap",
    ),
    "plant": ("flower 花 朵, tree 树 棵", "big small beautiful", "big small beautiful tall"),
    "art": (
        "song 歌 首, poem 诗 首, story 故事 个, film 电影 部",
        "new old interesting",
        "interesting boring long beautiful",
    ),
    "building": (
        "house 房子 座, bridge 桥 座, tower 塔 座",
        "big small new old white beautiful",
        "big small new old tall",
    ),
    "nature": ("mountain 山 座, river 河 条, lake 湖 个", "big small beautiful", "big small beautiful"),
    "person": (
        "teacher 老师 个, doctor 医生 个, student 学生 个, "
        "farmer 农民 个, driver 司机 个, nurse 护士 个, cook 厨师 个, singer 歌手 个, "
        "writer 作家 个, worker 工人 个, boy 男孩 个, girl 女孩 个, child/children 孩子 个, lawyer 律师 个, painter 画家 个",
        "clever young strong kind",
        "busy tired happy angry hungry thirsty kind strict clever young strong nervous healthy sad tall lazy",
    ),
}
EXCLUDED = {("big", "elephant"), ("small", "elephant"), ("yellow", "pencil"), ("big", "knife"), ("small", "knife")}

PREDICATES = dict(
    entry.split()
    for entry in [
        "big 大",
        "small 小",
        "new 新",
        "old 旧",
        "cute 可爱",
        "clever 聪明",
        "fat 胖",
        "thin 瘦",
        "lazy 懒",
        "beautiful 漂亮",
        "interesting 有趣",
        "boring 无聊",
        "long 长",
        "short 短",
        "thick 厚",
        "difficult 难",
        "useful 有用",
        "expensive 贵",
        "cheap 便宜",
        "heavy 重",
        "light 轻",
        "clean 干净",
        "dirty 脏",
        "comfortable 舒服",
        "fast 快",
        "slow 慢",
        "fresh 新鲜",
        "delicious 好吃",
        "tall 高",
        "busy 忙",
        "tired 累",
        "happy 高兴",
        "angry 生气",
        "hungry 饿",
        "thirsty 渴",
        "kind 善良",
        "strict 严格",
        "young 年轻",
        "strong 强壮",
        "nervous 紧张",
        "healthy 健康",
        "sad 难过",
    ]
)
COLOURS = dict(red="红色", blue="蓝色", green="绿色", yellow="黄色", white="白色", black="黑色", brown="棕色")

PORTIONS = [  # container, plural, what is in it, Chinese measure word and content, verb
    ("bowl", "bowls", "rice", "碗", "米饭", "eat"),
    ("bowl", "bowls", "noodles", "碗", "面条", "eat"),
    ("bowl", "bowls", "soup", "碗", "汤", "drink"),
    ("cup", "cups", "tea", "杯", "茶", "drink"),
    ("cup", "cups", "coffee", "杯", "咖啡", "drink"),
    ("glass", "glasses", "milk", "杯", "牛奶", "drink"),
    ("glass", "glasses", "juice", "杯", "果汁", "drink"),
    ("bottle", "bottles", "water", "瓶", "水", "drink"),
]

# verb -> Chinese, what it is done to: groups in capitals stand for all their nouns
VERBS = {
    "buy": (
        "买",
        "FURNITURE TOOL CLOTHES ACCESSORY MACHINE FOOD PAPER book dictionary magazine newspaper novel car bicycle",
    ),
    "sell": (
        "卖",
        "FURNITURE CLOTHES MACHINE FOOD car bicycle truck motorcycle boat horse cow pig goat novel house umbrella",
    ),
    "see": ("看见", "ANIMAL VEHICLE BUILDING NATURE PLANT key bag umbrella"),
    "find": ("找到", "TOOL ACCESSORY PAPER phone camera dictionary letter mouse rabbit turtle"),
    "lose": ("丢", "TOOL ACCESSORY PAPER phone camera letter bicycle"),
    "draw": ("画", "ANIMAL VEHICLE PLANT BUILDING apple pear orange banana mountain hat chair"),
    "eat": ("吃", "FOOD"),
    "wash": ("洗", "CLOTHES apple pear orange peach tomato potato carrot cup bottle car hat scarf"),
    "repair": ("修", "VEHICLE MACHINE chair table bed lamp umbrella watch"),
    "read": ("看", "READING poem story"),
    "write": ("写", "letter novel poem story book song"),
    "borrow": ("借", "book dictionary magazine novel umbrella pen pencil bag basket bicycle car camera phone map"),
    "drive": ("开", "car bus truck taxi"),
    "ride": ("骑", "horse bicycle motorcycle"),
    "feed": ("喂", "ANIMAL"),
    "catch": ("抓", "fish bird snake mouse rabbit frog turtle"),
    "plant": ("种", "tree flower"),
    "make": ("做", "cake table chair box basket skirt dress lamp"),
    "bring": ("带", "umbrella map camera bag key pen pencil cup book dictionary apple cake coat hat knife"),
    "choose": ("选", "CLOTHES ACCESSORY book novel film song card painting"),
    "break": ("打破", "cup bottle mirror lamp egg"),
    "watch": ("看", "film"),
    "sing": ("唱", "song"),
}
WEARABLE = {"clothes": "穿", "accessory": "戴"}
EXPERIENCES = dict(
    eat="吃", ride="骑", drive="开", draw="画", catch="抓", repair="修", feed="喂", plant="种", write="写"
)

ACTIVITIES = (
    "sleep::睡觉:in, run::跑步:out, swim::游泳:out:skill, "
    "dance::跳舞:any:skill, work::工作:in, study::学习:in, rest::休息:any, "
    "sing::唱歌:any:skill, paint::画画:any:skill, cook::做饭:in:skill, play:football:踢足球:out:skill, "
    "play:basketball:打篮球:out:skill, play:chess:下棋:any:skill, play:the piano:弹钢琴:in:skill, "
    "play:the guitar:弹吉他:any:skill, watch:television:看电视:in, listen to:music:听音乐:any, read:books:看书:any, "
    "read:newspapers:看报纸:any, drink:tea:喝茶:any, drink:coffee:喝咖啡:any, eat:breakfast:吃早饭:in, eat:lunch:吃午饭:any, "
    "eat:dinner:吃晚饭:any, wash:clothes:洗衣服:any, wash:the dishes:洗碗:in, write:letters:写信:in, do:homework:做作业:in, "
    "learn:English:学英语:in, learn:Chinese:学中文:in, speak:English:说英语:any:skill, speak:Chinese:说中文:any:skill, "
    "fly:kites:放风筝:out:skill, take:photos:拍照:any:skill, take:a walk:散步:out, wait for:the bus:等公共汽车:out, "
    "wait for:friends:等朋友:any, make:dumplings:包饺子:in:skill, tell:stories:讲故事:any:skill, play:games:玩游戏:any, "
    "skate::滑冰:out:skill, ski::滑雪:out:skill, exercise::锻炼:any, chat::聊天:any, cry::哭:any, laugh::笑:any, "
    "plant:trees:种树:out:skill, water:the flowers:浇花:out"
)
PLACES = {
    "out": "in the park:公园里, in the garden:花园里, by the river:河边, in the street:街上, on the playground:操场上, "
    "at the beach:海边, in the forest:森林里, on the farm:农场里, by the lake:湖边, in the village:村子里",
    "in": "at home:家里, at school:学校里, in the classroom:教室里, in the library:图书馆里, in the office:办公室里, "
    "in the kitchen:厨房里, in the restaurant:饭馆里, "
    "in the hospital:医院里, in the living room:客厅里, in the bedroom:卧室里",
}
DESTINATIONS = (
    "the park:公园, school:学校, the library:图书馆, the hospital:医院, the station:车站, the shop:商店, the market:市场, "
    "the museum:博物馆, the zoo:动物园, the cinema:电影院, "
    "the airport:机场, the bank:银行, the post office:邮局, the beach:海边, "
    "the restaurant:饭馆, the supermarket:超市, the bookshop:书店, Beijing:北京, Shanghai:上海, the village:村子"
)
SHOPS = "the shop:商店, the market:市场, the supermarket:超市"
TRANSPORT = (
    "by bus:坐公共汽车, by train:坐火车, by taxi:坐出租车, by boat:坐船, by bicycle:骑自行车, by car:开车, on foot:走路"
)
COUNTRIES = (
    "China:中国, France:法国, Japan:日本, Germany:德国, "
    "Russia:俄罗斯, Canada:加拿大, Brazil:巴西, India:印度, Egypt:埃及"
)
PAST = (
    "yesterday:昨天, this morning:今天早上, last week:上个星期, last year:去年, last month:上个月, last night:昨天晚上"
)
PAST_DAYS = "yesterday:昨天, this morning:今天早上, last night:昨天晚上"
FUTURE = (
    "tomorrow:明天, next week:下个星期, next year:明年, next month:下个月, tonight:今天晚上, tomorrow morning:明天早上"
)
HABIT = (
    "every day:每天, every morning:每天早上, every evening:每天晚上, "
    "every week:每个星期, every Sunday:每个星期天, every afternoon:每天下午"
)
OFTEN = "often:经常, always:总是, sometimes:有时候, never:从来不, usually:通常"
POSITIONS = "on:上, under:下面, next to:旁边, behind:后面, in front of:前面"
LANDMARKS = "table bed chair sofa cupboard box car tree house"  # what other things are on, under or behind
WEATHER = (
    "it is raining:下雨了, it is snowing:下雪了, it is very cold:天气很冷, it is very hot:天气很热, it is windy:刮风了"
)
IF_WEATHER = "it rains:下雨, it snows:下雪, it is windy:刮风, it is cold:天气冷, it is hot:天气热"
DAILY = "get up:起床, go to bed:睡觉, go home:回家, eat breakfast:吃早饭, eat lunch:吃午饭, eat dinner:吃晚饭, leave home:出门"
DURATIVES = "wait:等, sleep:睡, rest:休息, swim:游, run:跑, walk:走, dance:跳, work:工作"
WELL = (
    "sing:唱:well:好, dance:跳:well:好, run:跑:fast:快, "
    "swim:游:fast:快, paint:画:well:好, write:写:slowly:慢, walk:走:slowly:慢"
)
UNITS = "minute:分钟, hour:个小时, day:天, week:个星期, month:个月, year:年"

IRREGULAR = {  # verb: past, participle
    "buy": "bought bought", "sell": "sold sold", "see": "saw seen", "find": "found found", "lose": "lost lost",
    "draw": "drew drawn", "eat": "ate eaten", "read": "read read", "write": "wrote written", "drive": "drove driven",
    "ride": "rode ridden", "feed": "fed fed", "catch": "caught caught", "make": "made made", "bring": "brought brought",
    "choose": "chose chosen", "break": "broke broken", "sing": "sang sung", "sleep": "slept slept", "swim": "swam swum",
    "run": "ran run", "give": "gave given", "go": "went gone", "send": "sent sent",
}  # fmt: skip
DOUBLED = {"run", "swim", "chat", "sit", "get"}  # running, chatting


def third(verb: str) -> str:
    """The form after he, she and it: "buys", "watches", "flies"; of "wait for" the first word changes."""
    head, *rest = verb.split()
    if head.endswith(("s", "sh", "ch", "x", "o")):
        head += "es"
    else:
        head = head[:-1] + "ies" if head[-1] == "y" and head[-2] not in "aeou" else head + "s"
    return " ".join([head, *rest])


def doing(verb: str) -> str:
    """The form after 'is': "buying", "writing", "running"."""
    head, *rest = verb.split()
    if head in DOUBLED:
        head += head[-1]
    elif head.endswith("e") and not head.endswith("ee"):  # making, but seeing
        head = head[:-1]
    return " ".join([head + "ing", *rest])


def past(verb: str) -> str:
    """The form after 'yesterday': "bought", "washed"."""
    return IRREGULAR.get(verb, _regular(verb)).split()[0]


def participle(verb: str) -> str:
    """The form after 'has': "eaten", "washed"."""
    return IRREGULAR.get(verb, _regular(verb)).split()[-1]


def _regular(verb: str) -> str:
    return verb + "d" if verb.endswith("e") else verb[:-1] + "ied" if verb[-2:] in ("ry", "dy") else verb + "ed"


def pairs(table: str) -> list[tuple[str, str]]:
    """The entries "english:chinese, ..." of a table."""
    return [tuple(entry.split(":")) for entry in table.split(", ")]


def _noun(entry: str, group: str) -> Noun:
    forms, zh, measure = entry.split()
    en, _, plural = forms.partition("/")
    return Noun(en, plural or third(en), zh, measure, group)  # plurals are spelled like the verbs' third person


NOUNS = {
    noun.en: noun
    for group, (entries, _, _) in GROUPS.items()
    for noun in (_noun(entry, group) for entry in entries.split(", "))
}


def objects(verb: str) -> list[Noun]:
    """What one can `verb`."""
    found = []
    for word in VERBS[verb][1].split():
        found += [noun for noun in NOUNS.values() if noun.group == word.lower()] if word.isupper() else [NOUNS[word]]
    return found


def activities() -> list[Activity]:
    """All activities."""
    rows = [entry.split(":") for entry in ACTIVITIES.split(", ")]
    return [Activity(row[0], row[1], row[2], row[3], "skill" in row) for row in rows]


def attributes(noun: Noun) -> list[str]:
    """Adjectives that may stand before a noun."""
    return [word for word in GROUPS[noun.group][1].split() if (word, noun.en) not in EXCLUDED]


def predicates(noun: Noun) -> list[str]:
    """Adjectives that may be said of a noun."""
    return [word for word in GROUPS[noun.group][2].split() if (word, noun.en) not in EXCLUDED]
