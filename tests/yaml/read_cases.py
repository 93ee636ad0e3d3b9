"""Reads what conformd would send with PyYAML (YAML 1.1) and ruamel.yaml (1.1 and 1.2 in turn), both in
Python code of their own, and compares with conformd's tree. Where PyYAML reads the author's text at
all, it has to see that tree there too: what a reviewer's tools see is what was judged.

    read_cases.py CASES_FILE
"""

import json
import multiprocessing
import sys

import ruamel.yaml
import yaml

RULE = "AWS::Config::ConfigRule"
REMEDIATION = "AWS::Config::RemediationConfiguration"
# Of the author's texts, one in so many is read: they are for reviewers, not for AWS.
SOURCE_EVERY = 4
SHOWN_MAX = 5


class Strict(yaml.SafeLoader):
    """YAML 1.1 without repeated keys."""

    def construct_mapping(self, node, deep=False):
        mapping = super().construct_mapping(node, deep=True)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return mapping


class Author(Strict):
    """The same with CloudFormation's short tags, written out."""


def of_short_tag(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        argument = loader.construct_scalar(node)
        if suffix == "GetAtt" and "." in argument:
            argument = argument.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    else:
        argument = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else "Fn::" + suffix: argument}


Author.add_multi_constructor("!", of_short_tag)
# A lone `!` says that a scalar is text.
Author.add_constructor("!", lambda loader, node: loader.construct_scalar(node))


def read_ruamel(version):
    reader = ruamel.yaml.YAML(typ="safe", pure=True)
    reader.version = version
    reader.allow_duplicate_keys = False
    return reader.load


PYYAML = ("PyYAML", lambda text: yaml.load(text, Loader=Strict))
# The slowest by far: each case is read as one of the two.
RUAMEL = [("ruamel.yaml 1.1", read_ruamel((1, 1))), ("ruamel.yaml 1.2", read_ruamel((1, 2)))]


def difference(one, other, place="the root"):
    """Where two trees differ, types included; None if they are the same."""
    if type(one) is not type(other):
        return f"{place}: {one!r} is not {other!r}"
    if isinstance(one, dict):
        if list(one) != list(other):
            return f"{place}: the keys {list(one)!r} are not {list(other)!r}"
        pairs = [(key, one[key], other[key]) for key in one]
    elif isinstance(one, list):
        if len(one) != len(other):
            return f"{place}: {len(one)} is not {len(other)} elements"
        pairs = [(index, left, right) for index, (left, right) in enumerate(zip(one, other))]
    else:
        return None if one == other else f"{place}: {one!r} is not {other!r}"
    for key, left, right in pairs:
        if found := difference(left, right, f"{place}.{key}"):
            return found
    return None


def sorted_tree(tree):
    """The tree with its keys as text in one order: conformd's cases do not keep the author's."""
    if isinstance(tree, dict):
        named = {
            key if isinstance(key, str) else json.dumps(key): value for key, value in tree.items()
        }
        return {key: sorted_tree(named[key]) for key in sorted(named)}
    if isinstance(tree, list):
        return [sorted_tree(value) for value in tree]
    return tree


def joined(tree):
    """The tree with pairs of surrogates, JSON's escapes for characters above U+FFFF, as one."""
    return json.loads(json.dumps(tree))


def census(tree):
    kinds = [resource.get("Type") for resource in tree["Resources"].values()]
    strange = [kind for kind in kinds if kind not in (RULE, REMEDIATION)]
    return {"rules": kinds.count(RULE), "remediations": kinds.count(REMEDIATION)}, strange


def problems(case):
    """What is wrong with one case, and whether PyYAML refused the author's text."""
    number, line = case
    case = json.loads(line)
    want = sorted_tree(case["tree"])
    counted = {"rules": case["rules"], "remediations": case["remediations"]}
    found, refused = [], False
    for name, read in (PYYAML, RUAMEL[number % 2]):
        try:
            tree = read(case["body"])
            if wrong := difference(keys_checked(tree), want):
                found.append(f"{name}: {wrong}")
            elif census(tree) != (counted, []):
                found.append(f"{name}: counts {census(tree)}, conformd {counted}")
        except Exception as error:  # noqa: BLE001: whatever a reader says is a finding
            found.append(f"{name}: {type(error).__name__}: {error}")
    if number % SOURCE_EVERY == 0:
        tree = {**want, "Parameters": dict(want["Parameters"])}
        del tree["Parameters"]["ConformdMarker"]
        try:
            author = joined(sorted_tree(yaml.load(case["source"], Loader=Author)))
            author["Parameters"] = author.get("Parameters", {})
            author = sorted_tree(author)
            if wrong := difference(author, tree):
                found.append(f"PyYAML reads the author's text as another tree: {wrong}")
        except yaml.YAMLError:
            refused = True
    texts = f"--- source\n{case['source']}\n--- sent\n{case['body']}"
    return number, [f"{each}\n{texts}" for each in found], refused


def keys_checked(tree):
    """Like sorted_tree, but a key that is no text is an error."""
    if isinstance(tree, dict):
        if strange := [key for key in tree if not isinstance(key, str)]:
            raise ValueError(f"keys that are no text: {strange!r}")
        return {key: keys_checked(tree[key]) for key in sorted(tree)}
    if isinstance(tree, list):
        return [keys_checked(value) for value in tree]
    return tree


def main():
    count = failed = refused = 0
    with open(sys.argv[1], encoding="utf-8") as lines, multiprocessing.Pool() as pool:
        for number, found, was_refused in pool.imap(problems, enumerate(lines), chunksize=50):
            count += 1
            refused += was_refused
            failed += bool(found)
            if found and failed <= SHOWN_MAX:
                print(f"== case {number}: " + "\n".join(found))
    read = -(-count // SOURCE_EVERY)
    print(f"PyYAML, ruamel.yaml 1.1 and 1.2 in turn: {count} templates, {failed} read differently")
    print(f"PyYAML on the authors' texts: {read} read, {refused} of them refused by it")
    sys.exit(1 if failed or not count else 0)


main()
