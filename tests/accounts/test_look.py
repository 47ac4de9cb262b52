"""The category colours can be told apart by every reader, in both themes."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from django.contrib.staticfiles import finders

# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB.
EYES = {
    "normal": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# Björn Ottosson's OKLab: linear RGB to cone responses, their cube roots to lightness and hue.
CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]
# The cards that colours lie on, as Chromium computes them from Tabler's tokens.
CARDS = {"light": "#ffffff", "dark": "#262626"}
# Okabe and Ito's eight, the usual choice, come to 0.076. Tritanopia is a hundred times rarer.
SMALLEST_DISTANCE = {"normal": 0.09, "deuteranopia": 0.09, "protanopia": 0.09, "tritanopia": 0.075}
SMALLEST_CONTRAST = 3.0


def linear(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def seen(colour: str, eye: str) -> np.ndarray:
    light = np.clip(np.asarray(EYES[eye]) @ linear(colour), 0, 1)
    return np.asarray(LAB) @ np.cbrt(np.asarray(CONES) @ light)


def palette(theme: str) -> list[str]:
    css = Path(finders.find("evenkeel.css")).read_text()
    found = re.findall(r"--category-(\d+): (#[0-9a-f]{6})", css)
    assert [int(n) for n, _ in found] == [*range(1, 13), *range(1, 13)], "light, then dark"
    colours = [colour for _, colour in found]
    return colours[:12] if theme == "light" else colours[12:]


@pytest.mark.parametrize("theme", CARDS)
@pytest.mark.parametrize("eye", EYES)
def test_any_two_category_colours_differ(theme: str, eye: str) -> None:
    looks = [seen(colour, eye) for colour in palette(theme)]
    distances = [np.linalg.norm(a - b) for a, b in combinations(looks, 2)]
    assert min(distances) >= SMALLEST_DISTANCE[eye]


@pytest.mark.parametrize("theme", CARDS)
def test_every_category_colour_stands_out_from_its_card(theme: str) -> None:
    card = luminance(CARDS[theme])
    for colour in palette(theme):
        dark, light = sorted([card, luminance(colour)])
        assert (light + 0.05) / (dark + 0.05) >= SMALLEST_CONTRAST, colour
