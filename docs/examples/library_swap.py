"""Swap a library: what users write is rendered by commonmark, and is to be rendered by markdown-it-py."""

import random

import commonmark
import trio
from markdown_it import MarkdownIt

from trioshadow import ShadowConfig, Shadower
from trioshadow.evidence import Objective
from trioshadow.isolation import SyncBackend

#: In earnest: max_rate=0.001, and no fast_enough. A script takes no minutes: fifty calls in order are one event.
OBJECTIVE = Objective(max_rate=0.01, fast_enough=0.5, block_seconds=None, block_calls=50)


async def old_html(text: str) -> str:
    return commonmark.commonmark(text)  # on the event loop, as ever


# It computes, so it gets one thread: more would only wait for the interpreter lock. Its parser keeps no state.
new_html = SyncBackend(MarkdownIt("commonmark").render, max_workers=1)

TEXTS = {
    "I *love* this {}!": 700,
    "The {} is **too** big:\n\n- wide\n- heavy": 700,
    "> the {} again\n\nNo, `{}` costs 5 < 7": 700,
    "I paid just**£4**for the {}": 30,  # a currency sign where emphasis begins
    "[My {}](https://shop.example/{})": 700,
    "[My {}](https://küche.example/{})": 20,  # a host name that is not ASCII
    "[My {}](https://shop.example/50%)": 20,  # a percent sign that encodes nothing
    "[My {}](javascript:void(0))": 10,
    "<details>\n<summary>My {}</summary>\n</details>": 700,
}


def kind_of(text: str) -> str:
    """What tells texts apart that may differ for different reasons."""
    return "html" if text.startswith("<") else "link" if "](" in text else "prose"


async def main() -> None:
    rng = random.Random(1)
    written = rng.choices(list(TEXTS), weights=TEXTS.values(), k=4_500)
    # After a block of HTML one library writes a line end and the other none: no browser shows that.
    config = ShadowConfig(view=str.strip, candidate="markdown-it-py")
    async with Shadower(old_html, new_html, config, objective=OBJECTIVE) as shadower:
        for number, template in enumerate(written):
            text = template.replace("{}", f"lamp {number}")
            await shadower.call(text, operation=kind_of(text))
            await shadower.wait_idle()  # users take their time between two texts
        # A real objective says 0.001 and takes ten times the texts.
        print(shadower.scorecard().explain())


trio.run(main)
