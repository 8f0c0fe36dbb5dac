"""The colours of series on light and on dark paper, in the order in which every chart hands them out.

Blue, orange, green, violet, grey, red-purple. Chosen by search from colours of those names so that any two of them
differ by a CIE 1976 distance of at least 18 for people with usual sight and as Machado et al. 2009 (IEEE TVCG 15:6)
simulate full protanopia, deuteranopia and tritanopia; `live/theme.js` and the theme's file hold the same six.
"""

LIGHT = ("#125a9c", "#ce6100", "#3b9e78", "#ab6bd8", "#666f80", "#98084e")
DARK = ("#67beff", "#ee883d", "#76bb89", "#bd71c0", "#797a89", "#ff96c7")
