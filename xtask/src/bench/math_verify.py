# Grades a file of pairs with Math-Verify and prints what came of them as one JSON object.
# Timeouts are long, so that a busy machine changes no verdict; speed is by the time of the processor for the same reason.
import json
import sys
import time

from math_verify import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig, parse, verify

CONFIGS = {"latex": LatexExtractionConfig(), "expr": ExprExtractionConfig(), "string": StringExtractionConfig()}


def verdict(pair):
    options = pair.get("options") or {}
    configs = [CONFIGS[name] for name in options.get("match_types") or ["latex", "expr"]]
    gold, pred = (parse(pair[side], configs, parsing_timeout=30) for side in ("gold", "pred"))
    if not gold or not pred:
        return None
    return verify(
        gold,
        pred,
        float_rounding=options.get("precision", 6),
        strict=options.get("strict", True),
        allow_set_relation_comp=options.get("allow_set_relation_comp", False),
        timeout_seconds=30,
    )


with open(sys.argv[1], encoding="utf-8") as file:
    pairs = [json.loads(line) for line in file if line.strip()]
for pair in pairs[:10]:
    verdict(pair)
start = time.process_time()
verdicts = [verdict(pair) for pair in pairs]
took = time.process_time() - start
expected = [pair["expected"] for pair in pairs]
print(json.dumps({
    "pairs": len(pairs),
    "right": sum(bool(found) == wanted for found, wanted in zip(verdicts, expected)),
    "undecided": sum(found is None for found in verdicts),
    "false_equal": sum(bool(found) and not wanted for found, wanted in zip(verdicts, expected)),
    "a_second": len(pairs) / took,
}))
