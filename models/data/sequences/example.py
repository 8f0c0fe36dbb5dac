"""What a visitor without own data sees: Vietnamese typed in Telex as pairs, and folk verses as a text.

Telex writes marks as letters behind the word: double vowels for the hat, w for breve and horn, dd for đ, and one of
f s r x j for the tone.

Source: the verses are ca dao, folk poetry without a known author.
"""

from __future__ import annotations

import unicodedata

_MARKS = {"\N{COMBINING CIRCUMFLEX ACCENT}": "", "\N{COMBINING BREVE}": "w", "\N{COMBINING HORN}": "w"}
_TONES = {
    "\N{COMBINING GRAVE ACCENT}": "f",
    "\N{COMBINING ACUTE ACCENT}": "s",
    "\N{COMBINING HOOK ABOVE}": "r",
    "\N{COMBINING TILDE}": "x",
    "\N{COMBINING DOT BELOW}": "j",
}

SYLLABLES = (
    "tiếng việt người đất nước học máy mạng nơ ron lớp chú ý sâu rộng sóng biển trời mây mưa nắng gió núi sông "
    "đường phố nhà cửa bàn ghế sách vở chữ viết đọc nói nghe nhìn thấy hiểu biết nhớ quên yêu thương cười khóc "
    "ăn uống ngủ dậy chạy nhảy bơi lội hoa lá cỏ cây trái quả gạo lúa ruộng vườn mèo chó gà vịt trâu bò ngựa "
    "một hai ba bốn năm sáu bảy tám chín mười trăm nghìn đỏ vàng xanh tím trắng đen cũ mới đẹp xấu lớn nhỏ"
)


def telex(syllable: str) -> str:
    """A lower-case Vietnamese syllable as it is typed."""
    typed, tone = "", ""
    for letter in unicodedata.normalize("NFD", syllable):
        if letter in _TONES:
            tone = _TONES[letter]
        elif letter in _MARKS:
            typed += _MARKS[letter] or typed[-1]
        else:
            typed += "dd" if letter == "đ" else letter
    return typed + tone


PAIRS = "\n".join(f"{telex(syllable)} → {syllable}" for syllable in SYLLABLES.split())

TEXT = """\
Trong đầm gì đẹp bằng sen,
Lá xanh bông trắng lại chen nhị vàng.
Nhị vàng bông trắng lá xanh,
Gần bùn mà chẳng hôi tanh mùi bùn.

Công cha như núi Thái Sơn,
Nghĩa mẹ như nước trong nguồn chảy ra.
Một lòng thờ mẹ kính cha,
Cho tròn chữ hiếu mới là đạo con.

Cày đồng đang buổi ban trưa,
Mồ hôi thánh thót như mưa ruộng cày.
Ai ơi bưng bát cơm đầy,
Dẻo thơm một hạt, đắng cay muôn phần.

Con cò mà đi ăn đêm,
Đậu phải cành mềm lộn cổ xuống ao.
Ông ơi ông vớt tôi nao,
Tôi có lòng nào ông hãy xáo măng.
Có xáo thì xáo nước trong,
Đừng xáo nước đục đau lòng cò con.

Bầu ơi thương lấy bí cùng,
Tuy rằng khác giống nhưng chung một giàn.
Anh em như thể tay chân,
Rách lành đùm bọc, dở hay đỡ đần.
"""
