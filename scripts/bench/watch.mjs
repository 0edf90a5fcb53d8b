// What a program takes: time, and memory with that of the programs it starts.
import { spawn } from 'node:child_process';
import { descendants, PROJECT, readProc } from './servers.mjs';

/** How often memory is looked at, in milliseconds. */
const SAMPLE = 100;

/**
 * Runs a program of ours to its end. Returns its seconds, and in bytes the most memory it held itself (`VmHWM`) and the most
 * that all programs it started held together (proportional shares).
 */
export async function watch(command, args) {
  const begun = performance.now();
  const child = spawn(command, args, { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  const peak = { own: 0, others: 0 };
  const timer = setInterval(() => {
    const own = /^VmHWM:\s+(\d+)/m.exec(readProc(child.pid, 'status') ?? '');
    if (own) peak.own = Math.max(peak.own, Number(own[1]) * 1024);
    const shares = descendants(child.pid).map((pid) => /^Pss:\s+(\d+)/m.exec(readProc(pid, 'smaps_rollup') ?? '')?.[1] ?? 0);
    peak.others = Math.max(peak.others, shares.reduce((sum, share) => sum + Number(share) * 1024, 0));
  }, SAMPLE);
  const status = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(timer);
  // 5: files that are damaged, which are taken all the same.
  if (status !== 0 && status !== 5) throw new Error(`${command} ${args.join(' ')} ended with status ${status}\n${said}`);
  return { seconds: (performance.now() - begun) / 1000, peak };
}

