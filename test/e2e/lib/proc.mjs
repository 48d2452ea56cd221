// What /proc says about processes.
import fs from 'node:fs';

function read(path) {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    // The process ended, or belongs to somebody else: not one that a test may see.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EIO'].includes(error.code)) return '';
    throw error;
  }
}

function link(path) {
  try {
    return fs.readlinkSync(path);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code)) return '';
    throw error;
  }
}

export const cmdline = (pid) => read(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
export const cwd = (pid) => link(`/proc/${pid}/cwd`);
export const exe = (pid) => link(`/proc/${pid}/exe`);

/** The environment as an object. */
export function environ(pid) {
  const env = {};
  for (const entry of read(`/proc/${pid}/environ`).split('\0')) {
    const at = entry.indexOf('=');
    if (at > 0) env[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return env;
}

/** One field of /proc/PID/status; '' when the process is gone. */
export function status(pid, field) {
  const line = read(`/proc/${pid}/status`).split('\n').find((l) => l.startsWith(`${field}:`));
  return line ? line.slice(field.length + 1).trim() : '';
}

export const residentBytes = (pid) => parseInt(status(pid, 'VmRSS') || '0', 10) * 1024;

/** Its share of the memory that it has in common with others, and its own. */
export function proportionalBytes(pid) {
  const [, kib] = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`)) ?? [];
  return Number(kib ?? 0) * 1024;
}

export function descriptors(pid) {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).length;
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(error.code)) return 0;
    throw error;
  }
}

/** Whether the process exists and is no zombie. */
export function alive(pid) {
  const state = status(pid, 'State');
  return state !== '' && !state.startsWith('Z') && !state.startsWith('X');
}

export function parent(pid) {
  return parseInt(status(pid, 'PPid') || '0', 10);
}

export function pids() {
  return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Whether pid descends from ancestor. */
export function descends(pid, ancestor) {
  for (let at = pid; at > 1; at = parent(at)) if (at === ancestor) return true;
  return false;
}

/** CPU ticks used so far, user and system together. */
export function cpuTicks(pid) {
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** One line for each process, for a failure's text. */
export function describe(list) {
  return list.map((pid) => `  ${pid} (parent ${parent(pid)}, ${status(pid, 'State')}) ${cmdline(pid).join(' ').slice(0, 300)}`).join('\n');
}
