// Reads what conformd would send with `yaml` (as YAML 1.1 and 1.2) and `js-yaml` (as JSON and
// YAML 1.1) from npm, and compares with conformd's tree.
//
//     node read_cases.mjs CASES_FILE      (run where both packages are installed)

import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";

const require = createRequire(process.cwd() + "/");
const jsYaml = require("js-yaml");
const yaml = require("yaml");

const strict = { strict: true, uniqueKeys: true };
const readers = {
  "yaml 1.1": (text) => yaml.parse(text, { ...strict, version: "1.1" }),
  "yaml 1.2": (text) => yaml.parse(text, { ...strict, version: "1.2" }),
  "js-yaml JSON": (text) => jsYaml.load(text, { schema: jsYaml.JSON_SCHEMA }),
  "js-yaml 1.1": (text) => jsYaml.load(text, { schema: jsYaml.YAML11_SCHEMA }),
};
const known = ["AWS::Config::ConfigRule", "AWS::Config::RemediationConfiguration"];
const shownMax = 5;

// What is wrong with one reading; undefined if nothing is.
function problem(read, { body, tree, rules, remediations }) {
  try {
    const seen = read(body);
    // -0 is not 0 to this language; to JSON it is.
    if (!isDeepStrictEqual(JSON.parse(JSON.stringify(seen)), JSON.parse(JSON.stringify(tree)))) {
      return `reads another tree: ${JSON.stringify(seen)}`;
    }
    const kinds = Object.values(seen.Resources).map((resource) => resource.Type);
    const counts = known.map((kind) => kinds.filter((other) => other === kind).length);
    return isDeepStrictEqual([...counts, kinds.length], [rules, remediations, rules + remediations])
      ? undefined
      : `counts ${counts} of ${kinds.length}, conformd ${rules} and ${remediations}`;
  } catch (error) {
    return String(error);
  }
}

let count = 0;
let failed = 0;
for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const one = JSON.parse(line);
  for (const [name, read] of Object.entries(readers)) {
    const found = problem(read, one);
    if (found === undefined) continue;
    failed += 1;
    if (failed <= shownMax) {
      const texts = `--- source\n${one.source}\n--- sent\n${one.body}`;
      console.log(`== case ${count}: ${name}: ${found}\n${texts}`);
    }
  }
  count += 1;
}
console.log(`${Object.keys(readers).join(", ")}: ${count} templates, ${failed} read differently`);
process.exit(failed || !count ? 1 : 0);
