"""Emoji by their short names, as labels and the titles of log groups use them. Names not listed stay as they are."""

from __future__ import annotations

import re

_NAMES = {
    "100": "\U0001f4af", "airplane": "\u2708\ufe0f", "alarm_clock": "\u23f0", "alembic": "\u2697\ufe0f",
    "ambulance": "\U0001f691", "apple": "\U0001f34e", "arrow_down": "\u2b07\ufe0f", "arrow_right": "\u27a1\ufe0f",
    "arrow_up": "\u2b06\ufe0f", "art": "\U0001f3a8", "ballot_box_with_check": "\u2611\ufe0f",
    "bar_chart": "\U0001f4ca", "beers": "\U0001f37b", "beetle": "\U0001f41e", "bell": "\U0001f514",
    "book": "\U0001f4d6", "bookmark": "\U0001f516", "books": "\U0001f4da", "boom": "\U0001f4a5",
    "broom": "\U0001f9f9", "bug": "\U0001f41b", "building_construction": "\U0001f3d7\ufe0f", "bulb": "\U0001f4a1",
    "camera": "\U0001f4f7", "chart_with_upwards_trend": "\U0001f4c8", "checkered_flag": "\U0001f3c1",
    "chipmunk": "\U0001f43f\ufe0f", "clipboard": "\U0001f4cb", "cloud": "\u2601\ufe0f", "coffee": "\u2615",
    "computer": "\U0001f4bb", "construction": "\U0001f6a7", "construction_worker": "\U0001f477",
    "crab": "\U0001f980", "crossed_fingers": "\U0001f91e", "crystal_ball": "\U0001f52e", "dart": "\U0001f3af",
    "desktop_computer": "\U0001f5a5\ufe0f", "eyes": "\U0001f440", "factory": "\U0001f3ed", "fire": "\U0001f525",
    "fireworks": "\U0001f386", "fist": "\u270a", "floppy_disk": "\U0001f4be", "gear": "\u2699\ufe0f",
    "gem": "\U0001f48e", "ghost": "\U0001f47b", "gift": "\U0001f381", "globe_with_meridians": "\U0001f310",
    "green_heart": "\U0001f49a", "hammer": "\U0001f528", "hammer_and_wrench": "\U0001f6e0\ufe0f",
    "hand": "\u270b", "heart": "\u2764\ufe0f", "heavy_check_mark": "\u2714\ufe0f", "hourglass": "\u231b",
    "hourglass_flowing_sand": "\u23f3", "hugging_face": "\U0001f917", "inbox_tray": "\U0001f4e5",
    "information_source": "\u2139\ufe0f", "iphone": "\U0001f4f1", "key": "\U0001f511", "label": "\U0001f3f7\ufe0f",
    "link": "\U0001f517", "lint-roller": "\U0001f9fb", "lock": "\U0001f512", "loudspeaker": "\U0001f4e2",
    "lower_left_ballpoint_pen": "\U0001f58a\ufe0f", "mag": "\U0001f50d", "magnet": "\U0001f9f2",
    "memo": "\U0001f4dd", "microscope": "\U0001f52c", "moneybag": "\U0001f4b0", "muscle": "\U0001f4aa",
    "no_entry": "\u26d4", "no_entry_sign": "\U0001f6ab", "notebook": "\U0001f4d3", "nut_and_bolt": "\U0001f529",
    "octopus": "\U0001f419", "ok": "\U0001f197", "ok_hand": "\U0001f44c", "outbox_tray": "\U0001f4e4",
    "package": "\U0001f4e6", "page_facing_up": "\U0001f4c4", "paperclip": "\U0001f4ce", "party_popper": "\U0001f389",
    "penguin": "\U0001f427", "pencil": "\U0001f4dd", "pencil2": "\u270f\ufe0f", "pill": "\U0001f48a",
    "pipeline": "\U0001f6b0", "pray": "\U0001f64f", "pushpin": "\U0001f4cc", "question": "\u2753",
    "rainbow": "\U0001f308", "raised_hand": "\u270b", "recycle": "\u267b\ufe0f", "red_circle": "\U0001f534",
    "robot": "\U0001f916", "robot_face": "\U0001f916", "rocket": "\U0001f680", "rotating_light": "\U0001f6a8",
    "runner": "\U0001f3c3", "satellite": "\U0001f4e1", "scales": "\u2696\ufe0f", "scissors": "\u2702\ufe0f",
    "scroll": "\U0001f4dc", "seedling": "\U0001f331", "shell": "\U0001f41a", "shield": "\U0001f6e1\ufe0f",
    "ship": "\U0001f6a2", "shipit": "\U0001f43f\ufe0f", "shopping_cart": "\U0001f6d2", "skull": "\U0001f480",
    "snail": "\U0001f40c", "snake": "\U0001f40d", "snowflake": "\u2744\ufe0f", "sparkles": "\u2728",
    "star": "\u2b50", "stopwatch": "\u23f1\ufe0f", "sunglasses": "\U0001f60e", "tada": "\U0001f389",
    "tag": "\U0001f3f7\ufe0f", "telescope": "\U0001f52d", "test_tube": "\U0001f9ea", "thinking_face": "\U0001f914",
    "thumbsdown": "\U0001f44e", "thumbsup": "\U0001f44d", "toolbox": "\U0001f9f0", "trophy": "\U0001f3c6",
    "truck": "\U0001f69a", "turtle": "\U0001f422", "umbrella": "\u2602\ufe0f", "unicorn": "\U0001f984",
    "unicorn_face": "\U0001f984", "unlock": "\U0001f513", "vertical_traffic_light": "\U0001f6a6",
    "warning": "\u26a0\ufe0f", "wastebasket": "\U0001f5d1\ufe0f", "wave": "\U0001f44b", "whale": "\U0001f433",
    "white_check_mark": "\u2705", "windows": "\U0001fa9f", "wrench": "\U0001f527", "x": "\u274c",
    "yellow_heart": "\U0001f49b", "zap": "\u26a1", "zzz": "\U0001f4a4", "+1": "\U0001f44d", "-1": "\U0001f44e",
}  # fmt: skip
_SHORT_NAME = re.compile(r":([a-z0-9_+-]{1,40}):")


def with_emoji(text: str) -> str:
    """Return text with the known short names replaced. Works on HTML as well: what it puts in is no markup."""
    if ":" not in text:
        return text
    return _SHORT_NAME.sub(lambda match: _NAMES.get(match[1], match[0]), text)
