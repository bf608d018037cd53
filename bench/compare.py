#!/usr/bin/python3
"""Runs a compiled program and its PyTorch peer in turn and prints one table (see run.sh).

Both sides take the median over the steps of one run; a row is the median over pairs of runs, so drift of the machine's
speed cancels in the ratio. Useful arithmetic of a training step, with E candidates, k in use and batch B:
2kB forward, 2kB back to the states, 2EB for the gradient of all candidates; of inference 2kB.
"""
import json, statistics, subprocess, sys, time

# name, example, defines, model of bench/peer/torch_dnw.py, (candidates, in use)
MODELS = [("mlp", "examples/fashion_mlp.dnw", [], "mlp")]
WORK = [("train", 128), ("infer", 128), ("infer", 1)]
THREADS = [1, 2]


def run(command):
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    return out


def peak_mib(command):
    """Largest resident size of a run, in MiB, as the system accounted it."""
    code = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);" \
           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    return int(run([sys.executable, "-c", code] + command)) / 1024


def ours(program, mode, batch, threads):
    steps = 200 if batch > 1 else 2000
    command = [program, "bench", "--batch", str(batch), "--threads", str(threads), "--steps", str(steps), "--json"]
    return command + (["--infer"] if mode == "infer" else [])


def theirs(model, mode, batch, threads):
    command = ["/usr/bin/python3", "bench/peer/torch_dnw.py", model, "--batch", str(batch), "--threads", str(threads), "--steps",
               "60" if batch > 1 else "300"]
    return command + (["--infer"] if mode == "infer" else [])


def milliseconds(text):
    words = text.split()
    return float(words[words.index("ms/step") - 1])


def compare(model, program, peer, counts, mode, batch, threads, pairs, ceiling):
    a, b = ours(program, mode, batch, threads), theirs(peer, mode, batch, threads)
    mine, other = [], []
    for _ in range(pairs):
        mine.append(json.loads(run(a))["ms_per_step"])
        other.append(milliseconds(run(b)))
    candidates, kept = counts
    flop = 2 * kept * batch if mode == "infer" else (4 * kept + 2 * candidates) * batch
    rate = flop / statistics.median(mine) * 1e-6
    ratio = statistics.median(o / m for o, m in zip(other, mine))
    print(f"| {model} | {mode} | {batch} | {threads} | {statistics.median(mine):.3f} | {statistics.median(other):.2f} | {ratio:.1f} x "
          f"| {rate:.0f} | {100 * rate / ceiling / threads:.0f} % | {peak_mib(a):.0f} | {peak_mib(b):.0f} |", flush=True)


def main():
    dnw, work, pairs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ceiling = float(run([work + "/ceiling"]))
    commit = run(["git", "describe", "--always", "--dirty"]).strip()
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    print(f"{time.strftime('%Y-%m-%d')}, {cpu}, commit {commit}, {pairs} pairs a row; fused multiply-add from registers: "
          f"{ceiling:.0f} GFLOP/s a core\n")
    print("| model | work | batch | threads | dnw ms | PyTorch ms | ratio | useful GFLOP/s | of ceiling | dnw MiB | PyTorch MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    builds = []
    for name, example, defines, peer in MODELS:
        program = f"{work}/{name}"
        start = time.perf_counter()
        run([dnw, "build", example, "-o", program] + defines)
        builds.append((name, time.perf_counter() - start))
        graphs = json.loads(run([dnw, "check", "--json", example] + defines))["graphs"].values()
        counts = sum(g["candidates"] for g in graphs), sum(g["kept"] for g in graphs)
        for mode, batch in WORK:
            for threads in THREADS:
                compare(name, program, peer, counts, mode, batch, threads, pairs, ceiling)
    print("\nbuild: " + ", ".join(f"{n} {s:.2f} s" for n, s in builds))


main()
