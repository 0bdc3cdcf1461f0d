"""Compares Guardian's verdicts with those of Python's jsonschema on real schemas and documents.

Run by scripts/corpus, which says what it needs. The folders to look for documents in come on standard input.
"""

import argparse
import collections
import copy
import datetime
import fnmatch
import http.client
import json
import math
import os
import random
import re
import sys
import urllib.parse
from importlib import resources

import jsonschema
import regress
import ruamel.yaml
from jsonschema import _keywords, _legacy_keywords, _utils

# Which files are documents of which schema.
FILES = {
    "github-workflows": ["*/.github/workflows/*.yml", "*/.github/workflows/*.yaml"],
    "github-actions": ["*/action.yml", "*/action.yaml"],
    "github-issue-forms": ["*/.github/ISSUE_TEMPLATE/[!c]*.yml"],
    "github-issue-config": ["*/.github/ISSUE_TEMPLATE/config.yml"],
    "dependabot": ["*/.github/dependabot.yml", "*/.github/dependabot.yaml"],
    "renovate": ["*/renovate.json", "*/.renovaterc.json", "*/renovate.json5"],
    "travis": ["*/.travis.yml"],
    "gitlab-ci": ["*/.gitlab-ci.yml"],
    "codecov": ["*/codecov.yml", "*/.codecov.yml", "*/.github/codecov.yml"],
    "circle-ci": ["*/.circleci/config.yml"],
    "azure-pipelines": ["*/azure-pipelines*.yml"],
    "citation-file-format": ["*/CITATION.cff"],
    "compose-spec": ["*/docker-compose*.yml", "*/compose.y*ml"],
    "mergify": ["*/.mergify.yml"],
    "readthedocs": ["*/.readthedocs.y*ml"],
    "taskfile": ["*/Taskfile.yml"],
}
# Schemas that npm packages carry, and where their documents are.
NPM = {
    "json-resume": ("*/@jsonresume+schema*/package/schema.json", ["*/@jsonresume+schema*/*resume*.json"]),
    "json-resume-job": ("*/@jsonresume+schema*/package/job-schema.json", ["*/@jsonresume+schema*/*.job.json"]),
    "custom-elements": ("*/custom-elements-manifest*/package/schema.json", ["*/custom-elements.json"]),
    "swagger-2.0": ("*+openapi-schemas*/schemas/v2.0/schema.json", ["*+oas-examples*/2.0/json/*.json"]),
    "openapi-3.0": ("*+openapi-schemas*/schemas/v3.0/schema.json", ["*+oas-examples*/3.0/json/*.json"]),
    "openapi-3.1": ("*+openapi-schemas*/schemas/v3.1/schema.json", ["*+oas-examples*/3.1/json/*.json"]),
}
META = "http://json-schema.org/draft-07/schema#"
# Real documents, examples and mutations of each document, for each schema.
SIZES = {"small": (15, 15, 3), "full": (100_000, 300, 8)}
# A document is a document of a schema by its file name only, so it must at least be of a sensible size.
DOCUMENT_BYTES_MAX = 1024 * 1024


def plain(value):
    """The value as JSON has it: YAML knows dates and keys that are no strings."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(plain(key)): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("no JSON number")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError(f"no JSON value: {type(value)}")


def read(path):
    """The document in a file; None when it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(DOCUMENT_BYTES_MAX + 1)
        if len(text) > DOCUMENT_BYTES_MAX:
            return None
        if path.endswith(".json"):
            return plain(json.loads(text))
        return plain(ruamel.yaml.YAML(typ="safe", pure=True).load(text))
    except (ValueError, OSError, TypeError, RecursionError, ruamel.yaml.error.YAMLError):
        return None


def files_below(folders):
    for folder in folders:
        for parent, folders_in, names in os.walk(folder):
            folders_in.sort()
            for name in sorted(names):
                yield os.path.join(parent, name)


def carried_schemas():
    """The schemas that check-jsonschema carries."""
    found = {}
    for part in ("vendor", "custom"):
        for entry in resources.files("check_jsonschema.builtin_schemas").joinpath(part).iterdir():
            if entry.name.endswith(".json"):
                found[entry.name.removesuffix(".json")] = json.loads(entry.read_text(encoding="utf-8"))
    return dict(sorted(found.items()))


def examples(schema):
    """What a schema gives as examples: of whole documents, and of single members."""
    if not isinstance(schema, dict):
        return
    yield from schema.get("examples", [])
    for name, member in schema.get("properties", {}).items():
        if isinstance(member, dict):
            for example in [*member.get("examples", []), *([member["default"]] if "default" in member else [])]:
                yield {name: example}


def places(value, path=()):
    """The path of every value inside."""
    yield path
    if isinstance(value, dict):
        for key, member in value.items():
            yield from places(member, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value[:20]):
            yield from places(item, (*path, at))


def mutated(value, rng):
    """The document with one thing wrong, or at least different."""
    value = copy.deepcopy(value)
    path = rng.choice(list(places(value)))
    others = ["text", 7, 1.5, True, None, [], {}, "", -1, ["a"], {"unknown": 1}, "1", 10**20]
    if not path:
        return rng.choice(others)
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    kind = rng.randrange(4)
    if kind == 0:
        del holder[path[-1]]
    elif kind == 1 and isinstance(holder, dict):
        holder["corpus-unknown"] = rng.choice(others)
    elif kind == 2 and isinstance(holder, dict):
        holder[str(path[-1]) + "x"] = holder.pop(path[-1])
    else:
        holder[path[-1]] = rng.choice(others)
    return value


class Guardian:
    """A running node."""

    def __init__(self, dev):
        with open(dev, encoding="utf-8") as file:
            record = json.load(file)
        self.key = record["api_key"]
        self.connection = http.client.HTTPConnection(urllib.parse.urlparse(record["nodes"][0]["url"]).netloc)
        self.project = "corpus"
        self.send("POST", "/api/v1/projects", {"name": self.project})

    def send(self, method, path, body, headers=()):
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **dict(headers)}
        self.connection.request(method, path, text, headers)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")

    def register(self, name, schema):
        """None, or why the schema was refused."""
        status, answer = self.send("POST", f"/api/v1/projects/{self.project}/schemas", {"name": name, "schema": schema})
        return None if status == 201 else answer

    def put(self, name, number, document):
        path = f"/api/v1/projects/{self.project}/environments/default/configs/{name}.{number}"
        body = {"content": document, "schema": {"name": name}}
        return self.send("PUT", path, body, {"If-None-Match": "*"})


class Patterns:
    """Regular expressions as JSON Schema has them (ECMA-262), where jsonschema would use Python's."""

    cache = {}

    @classmethod
    def compiled(cls, pattern):
        if pattern not in cls.cache:
            try:
                cls.cache[pattern] = regress.Regex(pattern, "u")
            except regress.RegressError:
                cls.cache[pattern] = regress.Regex(pattern)
        return cls.cache[pattern]

    @classmethod
    def search(cls, pattern, text):
        return cls.compiled(pattern).find(text)

    @classmethod
    def is_pattern(cls, text):
        return not isinstance(text, str) or bool(cls.compiled(text))


for module in (_keywords, _legacy_keywords, _utils):
    module.re = Patterns


class Judge:
    """Python's jsonschema, with the formats that it knows."""

    def __init__(self, schema):
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        kind.check_schema(schema, format_checker=jsonschema.FormatChecker(formats=()))
        checker = copy.copy(kind.FORMAT_CHECKER)
        checker.checkers = {**checker.checkers, "regex": (Patterns.is_pattern, regress.RegressError)}
        self.formats = kind(schema, format_checker=checker)
        self.plain = kind(schema)

    def verdicts(self, document):
        """Whether it is accepted, with formats and without."""
        return self.formats.is_valid(document), self.plain.is_valid(document)

    def reason(self, document):
        error = next(self.formats.iter_errors(document), None)
        return error and f"{error.json_path}: {error.validator}: {error.message[:120]}"


class Explained:
    """The differences that are known, each with its reason."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.entries = json.load(file)
        self.used = collections.Counter()

    def find(self, kind, name, text):
        for at, entry in enumerate(self.entries):
            fits = fnmatch.fnmatch(kind, entry["kind"]) and fnmatch.fnmatch(name, entry["schema"])
            if fits and re.search(entry["match"], text):
                self.used[at] += 1
                return True
        return False


def documents_of(name, schema, found, size, rng):
    real_max, examples_max, mutations = SIZES[size]
    real = found.get(name, [])
    if len(real) > real_max:
        real = rng.sample(real, real_max)
    base = [(path, document) for path in real if (document := read(path)) is not None]
    own = [("example", plain(example)) for example in examples(schema)]
    base += own if len(own) <= examples_max else rng.sample(own, examples_max)
    base = base or [("empty", {})]
    for source, document in base:
        yield source, document
        for _ in range(mutations):
            yield f"mutation of {source}", mutated(document, rng)


def main():
    arguments = argparse.ArgumentParser()
    for name in ("dev", "size", "seed", "npm", "explained"):
        arguments.add_argument(f"--{name}", required=True)
    arguments = arguments.parse_args()
    folders = [line.strip() for line in sys.stdin if line.strip()]
    found = collections.defaultdict(list)
    patterns = [(pattern, name) for name, patterns in FILES.items() for pattern in patterns]
    for path in files_below(folders):
        for pattern, name in patterns:
            if fnmatch.fnmatch(path, pattern):
                found[name].append(path)
    schemas = carried_schemas()
    real_schemas = list(schemas.values())
    if arguments.size == "full":
        files = list(files_below([arguments.npm]))
        for name, (schema, documents) in NPM.items():
            path = next((path for path in files if fnmatch.fnmatch(path, schema)), None)
            schemas[name] = read(path) if path else sys.exit(f"corpus: no file fits {schema}")
            found[name] = [path for path in files for pattern in documents if fnmatch.fnmatch(path, pattern)]
    guardian, explained = Guardian(arguments.dev), Explained(arguments.explained)
    totals = collections.Counter()

    def tell(kind, name, text):
        known = explained.find(kind, name, text)
        totals["explained" if known else "disagreements"] += 1
        if not known:
            print(f"  DISAGREEMENT {name}: {text}")
        return known

    print(f"{'schema':36}{'documents':>10}{'accepted':>10}{'refused':>10}{'explained':>10}")

    def compare(name, schema, documents):
        totals["schemas"] += 1
        judge = Judge(schema)
        refusal = guardian.register(name, schema)
        if refusal:
            errors = refusal.get("errors") or [{"pointer": "", "message": refusal.get("detail")}]
            tell("schema", name, f"{refusal['code']} {errors[0]['pointer']}: {errors[0]['message']}")
            print(f"{name:36}  refused: {refusal['code']}: {errors[0]['message'][:90]}")
            return
        row = collections.Counter()
        for number, (source, document) in enumerate(documents):
            totals["documents"] += 1
            status, answer = guardian.put(name, number, document)
            formats, without = judge.verdicts(document)
            accepted = status == 201
            if not accepted and answer.get("code") != "validation_failed":
                row["explained"] += tell("document", name, f"{source}: {status} {answer.get('code')}: {answer.get('detail')}")
            elif accepted == formats:
                totals["agreements"] += 1
                row["accepted" if accepted else "refused"] += 1
            else:
                errors = answer.get("errors") or [{}]
                ours = " ".join(f"{e.get('pointer')} {e.get('keyword')} {e.get('message')}" for e in errors[:3])
                kind = "format" if formats != without or all(e.get("keyword") == "format" for e in errors) else "verdict"
                text = f"{source}: accepted {accepted}: {ours[:300] or judge.reason(document)}"
                row["explained"] += tell(kind, name, text)
        print(f"{name:36}{sum(row.values()):10}{row['accepted']:10}{row['refused']:10}{row['explained']:10}")

    for name, schema in schemas.items():
        rng = random.Random(f"{arguments.seed} {name}")
        compare(name, schema, documents_of(name, schema, found, arguments.size, rng))
    # The schemas are documents too: of the language they are written in.
    rng = random.Random(f"{arguments.seed} meta")
    mutations = SIZES[arguments.size][2]
    small = [schema for schema in real_schemas if len(json.dumps(schema)) < DOCUMENT_BYTES_MAX]
    documents = [("a schema", schema) for schema in small]
    documents += [("mutation of a schema", mutated(schema, rng)) for schema in small for _ in range(mutations)]
    compare("draft-07", {"$schema": META, "$ref": META}, documents)
    for at, entry in enumerate(explained.entries):
        if not explained.used[at] and arguments.size == "full":
            print(f"  not met any more: {entry}")
    print(
        f"corpus: {totals['schemas']} schemas, {totals['documents']} documents, {totals['agreements']} agreements, "
        f"{totals['explained']} explained, {totals['disagreements']} disagreements"
    )
    sys.exit(1 if totals["disagreements"] or not totals["agreements"] else 0)


main()
