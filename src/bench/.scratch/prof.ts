// usage: prof.ts <subject> <seconds> <tool command with PID>
import { spawn, execSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { startAliveStage } from "../alive-stage.ts";
import { untilArrived } from "../database.ts";
import { httpRequest } from "../load-job.ts";
const [subject, secs, cmd, dir = "/tmp"] = process.argv.slice(2);
const folder = await mkdtemp(`${dir}/ebb-prof-`);
const steps: any[] = [() => rm(folder, { recursive: true, force: true })];
const signal = new AbortController().signal;
const stage = await startAliveStage({ seconds: 1, runs: 1, signal, folder, undo: (s: any) => steps.push(s), say: console.error } as any);
try {
  const pid = execSync(`pgrep -P ${process.pid} -x workerd`).toString().trim();
  const home = await stage.pingers.tenant(stage.ports.product);
  const one = async (seconds: number) => {
    const n = Math.ceil(seconds * (subject === "bare" ? 40000 : subject === "floor" ? 12000 : 5000));
    const requests = subject === "alive" ? await stage.pingers.pings(Array.from({ length: n }, () => home))
      : Array.from({ length: n }, () => subject === "bare" ? httpRequest("GET", "/bare") : httpRequest("POST", `/durable/${randomUUID()}`));
    const job = { port: subject === "alive" ? stage.ports.product : stage.ports.floor, connections: 16, requests, pace: { kind: "full", seconds } } as const;
    const t0 = performance.now();
    return { job, go: async () => { const r = await stage.load.run(subject, job); stage.acknowledged += subject === "alive" ? r.answered : 0; return r; } };
  };
  await (await one(2)).go();
  if (subject === "alive") await untilArrived(stage.database, stage.acknowledged, signal);
  const measured = await one(Number(secs));
  const tool = cmd ? spawn("bash", ["-c", cmd.replaceAll("PID", pid)], { stdio: "inherit" }) : null;
  const cpu = () => { const f = execSync(`cat /proc/${pid}/stat`).toString().split(") ")[1]!.split(" "); return [Number(f[11]) * 10, Number(f[12]) * 10]; };
  const io = () => execSync(`cat /proc/${pid}/io`).toString();
  const c0 = cpu();
  const r = await measured.go();
  const c1 = cpu();
  console.log(subject, Math.round(r.answered / r.seconds), "/s", r.p50Ms.toFixed(2), r.p99Ms.toFixed(2), "answered", r.answered, "cpu us/req user", Math.round((c1[0]! - c0[0]!) * 1000 / r.answered), "sys", Math.round((c1[1]! - c0[1]!) * 1000 / r.answered), "cpu share", ((c1[0]!+c1[1]!-c0[0]!-c0[1]!)/r.seconds/1000).toFixed(2));
  if (tool) await new Promise((res) => tool.on("exit", res));
} finally { for (const s of steps.reverse()) await s(); }
process.exit();
