"""Sixty texts that somebody could write into a field, and what must not come of them."""

LONG = "Z" * 64 * 1024
"""As much as a TXT record can hold, without a place to break the line."""
RUN = "window.__pwned=1"

MARKUP = (
    f"<script>{RUN}</script>",
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<img/src/onerror={RUN}>",
    f'<svg onload="{RUN}">',
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f'<iframe srcdoc="<script>parent.{RUN}</script>">',
    f"<iframe src=javascript:{RUN}>",
    f"<object data=javascript:{RUN}>",
    f"<embed src=javascript:{RUN}>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}>",
    f"<math><a xlink:href=javascript:{RUN}>x",
    f"<a href=javascript:{RUN}>x</a>",
    f"<form action=javascript:{RUN}><button>x",
    f'<meta http-equiv=refresh content="0;url=javascript:{RUN}">',
    '<base href="https://attacker.example/">',
    "<link rel=stylesheet href=https://attacker.example/x.css>",
    "<style>*{display:none}</style>",
    "<!-- ",
    "<plaintext>",
    "<textarea>",
    f"<template><script>{RUN}</script></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"%3Cscript%3E{RUN}%3C/script%3E",
)
SCHEMES = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f"java\tscript:{RUN}",
    f"javascript://%0a{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"vbscript:{RUN}",
    "//attacker.example/",
    "file:///etc/passwd",
)
TEMPLATES = (
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "{name} {n} {when}",
    "[[${7*7}]]",
    '=HYPERLINK("https://attacker.example/")',
)
DIRECTIONS = (
    "txt.\u202egpj.exe",
    "a\u202db\u202ec",
    "\u2067right\u2066left",
    "ends \u2069\u202eearly",
    "\u200f\u200e\u061cmarks",
    "\u05d0\u05d1\u05d2 \u0627\u0628",
)
TERMINALS = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "bell\x07 back\x08 nul\x7f",
)
SIZES = (
    LONG,
    "\u0301" * 400,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \ufffd\ufeff\u2028x",
)
STRINGS = (*MARKUP, *SCHEMES, *TEMPLATES, *DIRECTIONS, *TERMINALS, *SIZES)
