// Runs the property tests of hostile input again and again with fresh cases, until the time is up or one fails.
import { execFileSync, spawnSync } from 'node:child_process';
import os from 'node:os';

const USAGE = `Usage: node scripts/fuzz.mjs [TEXT]
  TEXT             only tests whose name contains it
  FUZZ_MINUTES=M   how long (10)
  FUZZ_MEMORY=G    address space of each test, in GiB (2)`;

/** The binaries, and which of their tests take hostile input. */
const SUITES = [
  { build: ['-p', 'squaretable', '--test', 'fuzz'], tests: /fuzz_/ },
  { build: ['-p', 'squaretable-compat', '--lib'], tests: /never_panic|fuzz_/ },
];
/** Cases of a test's first run; later runs take as many as fit in a turn. */
const FIRST = 256;
const MOST = 2_000_000;
/** Turns that each test gets. */
const TURNS = 3;

function number(name, fallback) {
  const value = Number(process.env[name] ?? fallback);
  if (!(value > 0)) throw new Error(`${name}: expected a number above 0`);
  return value;
}

/** Path of the test binary that cargo builds with these arguments. */
function built(args) {
  const out = execFileSync('cargo', ['test', '--no-run', '--message-format=json', ...args], { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 });
  const messages = out.toString().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return messages.findLast((message) => message.executable && message.profile?.test).executable;
}

function listed({ build, tests }, filter) {
  const binary = built(build);
  const names = execFileSync(binary, ['--list', '--format', 'terse']).toString().split('\n')
    .filter((line) => line.endsWith(': test')).map((line) => line.slice(0, -': test'.length));
  return names.filter((name) => tests.test(name) && name.includes(filter))
    .map((name) => ({ binary, folder: build[1] === 'squaretable' ? '.' : 'compat', name, cases: 0, seconds: 0 }));
}

/** One run of a test; stops the script when it fails. */
function run(target, cases, memory) {
  const start = performance.now();
  const limit = [`--as=${Math.round(memory * 2 ** 30)}`, target.binary, '--exact', target.name, '--test-threads=1'];
  const { status, signal, stdout, stderr } = spawnSync('prlimit', limit, {
    cwd: target.folder, env: { ...process.env, PROPTEST_CASES: String(cases) }, maxBuffer: 1 << 28,
  });
  target.seconds += (performance.now() - start) / 1000;
  if (status !== 0) {
    console.error(`${stdout}\n${stderr}\n${target.name} failed (${signal ?? `status ${status}`}) within ${cases} cases, after ${target.cases} that passed`);
    process.exitCode = 1;
    return false;
  }
  target.cases += cases;
  return true;
}

function fuzz(targets, minutes, memory) {
  const end = performance.now() + minutes * 60_000;
  if (!targets.every((target) => run(target, FIRST, memory))) return;
  const turn = Math.max(1, (end - performance.now()) / 1000 / targets.length / TURNS);
  while (performance.now() < end) {
    for (const target of targets) {
      if (performance.now() >= end) return;
      const speed = target.cases / target.seconds;
      const cases = Math.min(MOST, Math.max(FIRST, Math.round(speed * turn)));
      if (!run(target, cases, memory)) return;
    }
  }
}

function report(targets) {
  const width = Math.max(...targets.map(({ name }) => name.length));
  for (const { name, cases, seconds } of targets) {
    console.log(`${name.padEnd(width)} ${String(cases).padStart(9)} cases ${(seconds / 60).toFixed(2).padStart(6)} min`);
  }
  const sum = (of) => targets.reduce((total, target) => total + of(target), 0);
  console.log(`${targets.length} tests, ${sum(({ cases }) => cases)} cases, ${(sum(({ seconds }) => seconds) / 60).toFixed(1)} minutes`);
}

function main() {
  const [filter = ''] = process.argv.slice(2);
  if (filter.startsWith('-')) return console.log(USAGE);
  const [minutes, memory] = [number('FUZZ_MINUTES', 10), number('FUZZ_MEMORY', 2)];
  os.setPriority(0, os.constants.priority.PRIORITY_LOW);
  const targets = SUITES.flatMap((suite) => listed(suite, filter));
  if (targets.length === 0) throw new Error(`no test is called ${filter}`);
  fuzz(targets, minutes, memory);
  report(targets);
}

main();
