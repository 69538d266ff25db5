# Runs an answer and then its tests in a namespace of their own, and says a word if all of it passed.
#
# A program that ends by itself before that, in whatever way, has not said the word.

say, scope = print, {}
for name, part in PARTS:
    exec(compile(part, name, "exec", dont_inherit=True), scope)
say(f"\n{WORD} pass")
