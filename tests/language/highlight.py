#!/usr/bin/env python3
"""The TextMate grammar of editors/vscode, by a small tokenizer for grammars of single-line matches."""
import glob
import json
import os
import re
import sys

from support import ROOT, equal, read, run

FOLDER = os.path.join(ROOT, "editors", "vscode")


def rules(grammar, patterns):
    """The patterns with includes resolved, each a compiled match."""
    for pattern in patterns:
        if "include" in pattern:
            yield from rules(grammar, [grammar["repository"][pattern["include"][1:]]])
        elif "patterns" in pattern:
            yield from rules(grammar, pattern["patterns"])
        else:
            assert set(pattern) <= {"match", "name", "captures"}, pattern
            yield re.compile(pattern["match"]), pattern


def load():
    grammar = json.loads(read(os.path.join(FOLDER, "tp.tmLanguage.json")))
    return list(rules(grammar, grammar["patterns"]))


def tokens(line, compiled):
    """(text, scope) of every token, as editors find them: the leftmost match, of those the first rule."""
    at = 0
    while True:
        found = [(match.start(), order, match, rule) for order, (regex, rule) in enumerate(compiled)
                 if (match := regex.search(line, at)) and match.end() > match.start()]
        if not found:
            break
        start, _, match, rule = min(found, key=lambda each: each[:2])
        for number, name in sorted(rule.get("captures", {}).items()):
            yield match[int(number)], name["name"]
        if "captures" not in rule:
            yield match[0], rule["name"]
        assert not line[at:start].strip(), f"no scope for '{line[at:start]}' in: {line}"
        at = match.end()
    assert not line[at:].strip(), f"no scope for '{line[at:]}' in: {line}"


def scopes(line):
    return " ".join(f"{text}:{scope.split('.')[0]}" for text, scope in tokens(line, load()))


def words(path, pattern):
    return set(re.findall(r'"(\w+)"', re.search(pattern, read(os.path.join(ROOT, path)), re.S)[1]))


def keywords():
    return words("grammar/words.cpp", r"keywords = \{(.*?)\}")


def test_a_line_of_each_kind():
    equal(scopes('import "a.tp" # use'), 'import:keyword "a.tp":string # use:comment')
    equal(scopes("program mlp(L: int = 3)"),
          "program:keyword mlp:entity (:punctuation L:variable ::punctuation int:support =:keyword 3:constant ):punctuation")
    equal(scopes("input ξ : R[T]"),
          "input:storage ξ:variable ::punctuation R:support [:punctuation T:variable ]:punctuation")
    equal(scopes("frozen matrix N ~ N(0, 1e-3/n) rate 2"),
          "frozen:storage matrix:storage N:variable ~:keyword N:support (:punctuation 0:constant ,:punctuation 1e-3:constant "
          "/:keyword n:constant ):punctuation rate:storage 2:constant")
    equal(scopes("use b as zero; int = inside"),
          "use:keyword b:entity as:keyword zero:variable ;:punctuation int:variable =:keyword inside:variable")
    equal(scopes("for t in 1..T { x = y[t+1 | zero]' @ relu(z) }"),
          "for:keyword t:variable in:keyword 1:constant ..:keyword T:variable {:punctuation x:variable =:keyword y:variable "
          "[:punctuation t:variable +:keyword 1:constant |:keyword zero:constant ]:punctuation ':keyword @:keyword relu:support "
          "(:punctuation z:variable ):punctuation }:punctuation")


def test_every_keyword_and_function_is_known():
    compiled = load()
    for word in keywords():
        ((_, scope),) = tokens(word, compiled)
        assert scope.split(".")[0] in ("keyword", "storage", "constant"), (word, scope)
    source = read(os.path.join(ROOT, "compiler/resolve/builtins.cpp"))
    functions = set(re.findall(r'\{"(\w+)",', source))
    assert len(functions) > 25, functions
    for word in functions:
        assert next(tokens(word + "(x)", compiled))[1].startswith("support.function"), word


def test_examples():
    """Every token of the programs has a scope: words by what they are, comments whole."""
    compiled, known = load(), keywords()
    paths = [*glob.glob(os.path.join(ROOT, "examples", "*.tp")), *glob.glob(os.path.join(ROOT, "library", "std", "*.tp"))]
    assert len(paths) > 20
    for path in paths:
        for line in read(path).splitlines():
            for text, scope in tokens(line, compiled):
                kind = scope.split(".")[0]
                if kind == "comment":
                    equal(text, line[line.index("#"):])
                elif text in known:
                    assert kind in ("keyword", "storage", "constant"), (text, scope, line)
                elif re.fullmatch(r"[^\W\d]\w*", text):
                    assert kind in ("variable", "entity", "support") or text in ("n", "zero", "wrap"), (text, scope, line)


def test_extension():
    """The files that the extension names are there."""
    package = json.loads(read(os.path.join(FOLDER, "package.json")))["contributes"]
    equal(package["languages"][0]["extensions"], [".tp"])
    for path in (package["languages"][0]["configuration"], package["grammars"][0]["path"]):
        json.loads(read(os.path.join(FOLDER, path)))


if __name__ == "__main__":
    run(sys.modules[__name__])
