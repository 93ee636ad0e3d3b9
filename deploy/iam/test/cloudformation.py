"""CloudFormation's conditions and intrinsic functions, as far as the templates here use them."""

import re

import yaml

ABSENT = object()


class _Loader(yaml.SafeLoader):
    """Reads the short forms of intrinsic functions as their long ones."""


def _intrinsic(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def load(path):
    return yaml.load(path.read_text(), _Loader)


class Stack:
    """A template with its parameters given."""

    def __init__(self, template, parameters, partition, account):
        self._conditions = template.get("Conditions", {})
        declared = template["Parameters"]
        assert parameters.keys() <= declared.keys(), parameters.keys() - declared.keys()
        self._values = {
            "AWS::Partition": partition,
            "AWS::AccountId": account,
            "AWS::Region": "us-east-1",
            "AWS::NoValue": ABSENT,
        }
        for name, declaration in declared.items():
            value = parameters.get(name, declaration.get("Default"))
            assert value is not None, f"{name} is missing"
            if declaration["Type"] == "CommaDelimitedList":
                value = value.split(",")
            if "AllowedValues" in declaration:
                assert value in declaration["AllowedValues"], f"{name} is {value}"
            if "AllowedPattern" in declaration:
                assert re.fullmatch(declaration["AllowedPattern"], value), f"{name} is {value}"
            self._values[name] = value
        self._template = template

    def properties(self, resource):
        return self._resolve(self._template["Resources"][resource]["Properties"])

    def _holds(self, name):
        return self._resolve(self._conditions[name])

    def _resolve(self, value):
        if isinstance(value, list):
            resolved = [self._resolve(one) for one in value]
            return [one for one in resolved if one is not ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), = value.items()
            if name.startswith("Fn::") or name == "Ref" or (
                name == "Condition" and isinstance(argument, str)
            ):
                return self._function(name, argument)
        resolved = {name: self._resolve(one) for name, one in value.items()}
        return {name: one for name, one in resolved.items() if one is not ABSENT}

    def _function(self, name, argument):
        match name:
            case "Ref":
                # A resource stands for its name, which no policy here depends on.
                return self._values.get(argument, argument)
            case "Condition":
                return self._holds(argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self._resolve(then if self._holds(condition) else otherwise)
            case "Fn::Equals":
                first, second = self._resolve(argument)
                return first == second
            case "Fn::Not":
                return not self._resolve(argument)[0]
            case "Fn::And":
                return all(self._resolve(argument))
            case "Fn::Sub":
                return re.sub(r"\$\{([A-Za-z:]+)\}", lambda found: self._values[found[1]], argument)
            case "Fn::GetAtt":
                return argument
        raise AssertionError(f"{name} is not known here")
