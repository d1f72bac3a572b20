// Reads test results for people.
//   test-report.mjs go FILE       reads `go test -json` on standard input, prints a line a package and what
//                                 failing tests said, and writes the counts to FILE in vitest's form
//   test-report.mjs sum FILE…     prints the sum of such files
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [mode, ...files] = process.argv.slice(2);
process.exitCode = mode === "go" ? await readGo(files[0]) : sum(files);

async function readGo(file) {
  const counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
  const said = new Map();
  for await (const line of createInterface({ input: process.stdin })) {
    const event = parse(line);
    const key = `${event.Package ?? ""} ${event.Test ?? ""}`;
    if (event.Action === "output") said.set(key, (said.get(key) ?? "") + event.Output);
    else if (event.Action === "build-output") process.stdout.write(event.Output);
    else if (event.Test) countTest(event, counts, said.get(key));
    else if (event.Action === "pass" || event.Action === "fail") packageLine(event, counts, said.get(key));
  }
  writeFileSync(file, JSON.stringify(counts));
  return counts.numFailedTests > 0 ? 1 : 0;
}

/** What is no event, such as a message of the go command itself, is shown as it is. */
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return { Action: "build-output", Output: `${line}\n` };
  }
}

function countTest(event, counts, output) {
  const field = { pass: "numPassedTests", fail: "numFailedTests", skip: "numPendingTests" }[event.Action];
  if (!field) return;
  counts[field]++;
  if (event.Action !== "pass") process.stdout.write(output ?? "");
}

/** A package can fail without a failing test: it does not build, or panics. */
function packageLine(event, counts, output) {
  const failed = event.Action === "fail";
  process.stdout.write(`${failed ? "FAIL" : "ok  "} ${event.Package} ${event.Elapsed.toFixed(1)} s\n`);
  if (!failed) return;
  process.stdout.write(output ?? "");
  if (counts.numFailedTests === 0) counts.numFailedTests = 1;
}

function sum(files) {
  let [passed, failed, skipped] = [0, 0, 0];
  for (const file of files) {
    if (!existsSync(file)) {
      console.log(`no results in ${file}: these tests did not finish`);
      failed++;
      continue;
    }
    const counts = JSON.parse(readFileSync(file, "utf8"));
    passed += counts.numPassedTests;
    failed += counts.numFailedTests;
    skipped += counts.numPendingTests;
  }
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
  return failed > 0 ? 1 : 0;
}
