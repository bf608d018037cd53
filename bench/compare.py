#!/usr/bin/python3
"""Runs compiled programs and their peers in turn, A B A B, and prints one table (see run.sh).

A figure is the median over the steps of a run; a row has the medians over the runs, and as ratio the median over the pairs
of runs, so that drift of the machine's speed cancels. Useful arithmetic of a step, with the multiply-adds of one sample over
the edges in use (k) and over all candidates (E), both counted by `dnw check --json`, and batch B: 2kB forward, 2kB back to
the states, 2EB for the gradients of all candidates; 2kB to infer. The ceiling is measured before each run (ceiling.c), on as many cores at once; the median counts.
`bf16` is `train` with gradients of candidates that are not in use from rounded factors, where the processor has such
products; `positions` with those of an eighth of samples and pixels a step (2EB/8), edges in use exact (another 2kB).
Single samples are computed by programs built for them: the example with batch = 1 in its train block.
`frozen` is `infer` by the program that `dnw build --freeze` makes of weights of a few steps of training on noise.
The peers are in PyTorch. `mobile`, `resnet50` and `resnet20` are convolutional networks at batch 64. `set` and `set-scipy` are one net (bench/set.dnw) beside masks in PyTorch and beside SciPy: training
steps between two events; gradients of edges in use only, so E is k in the arithmetic above.
"""
import argparse, collections, functools, json, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time

# Example, what is defined, milliseconds that a step of training may take, its peer, kinds of work, and samples of a step
# (the first: what frozen programs are trained with). The paper's classifiers compute what the peer does, in its order
# (tests/reference).
Model = collections.namedtuple("Model", "example defines ms peer works batches", defaults=[(128, 1)])
WORK, PLAIN, TRAIN = ["train", "bf16", "positions", "infer", "frozen"], ["train", "infer", "frozen"], ["train"]
MODELS = {
    "mlp": Model("examples/fashion_mlp.dnw", [], 5, ["torch_dnw.py", "mlp"], PLAIN),
    "static": Model("examples/tiny_exact.dnw", [], 150, ["torch_dnw.py", "static"], WORK),
    "discrete": Model("examples/tiny_exact.dnw", ["-D", "mode=steps"], 1000, ["torch_dnw.py", "discrete"], WORK),
    "continuous": Model("examples/tiny_exact.dnw", ["-D", "mode=flow", "-D", "solver=rk4(4)"], 3500,
                        ["torch_dnw.py", "continuous"], WORK),
    "mobile": Model("bench/mobile.dnw", [], 300, ["nets.py", "mobile"], PLAIN, (64, 1)),
    "resnet50": Model("bench/resnet.dnw", [], 300, ["nets.py", "resnet50"], PLAIN, (64, 1)),
    "resnet20": Model("bench/resnet20.dnw", [], 200, ["nets.py", "resnet20"], TRAIN, (64,)),
    "set": Model("bench/set.dnw", [], 60, ["sparse.py", "torch-set"], TRAIN, (100,)),
    "set-scipy": Model("bench/set.dnw", [], 60, ["sparse.py", "scipy-set"], TRAIN, (100,)),
}
BETWEEN_EVENTS = ["set", "set-scipy"]  # gradients of edges in use alone
# Ways to train: what is defined, and how many multiply-adds of a sample that is, over edges in use and candidates.
TRAINING = {
    "train": ([], lambda kept, candidates: 2 * kept + candidates),
    "bf16": (["-D", "bf16=true"], lambda kept, candidates: 2 * kept + candidates),
    "positions": (["-D", "positions=1/8"], lambda kept, candidates: 3 * kept + candidates / 8),
}
THREADS = [1, 2]
RUN_MS = 1500  # what the steps of a run should take together
TRAIN_S = 4  # before the weights of frozen programs are saved
LEAST_MS = 300  # and at least: a shorter run is repeated with more steps
HEAD = ["model", "work", "batch", "threads", "dnw ms", "peer ms", "ratio", "useful GFLOP/s", "of ceiling", "dnw MiB",
        "peer MiB", "build s"]


def run(command):
    """What it prints, and the most memory that it had (MiB)."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"failed: {' '.join(command)}\n{said}")
        out.seek(0)
        return out.read(), used.ru_maxrss / 1024


def steps(model, work, batch):
    ms = MODELS[model].ms / (1 if work in TRAINING else 3) / (4 if batch == 1 else 1)
    return max(2, min(400, round(RUN_MS / ms)))


def ours(program, model, work, batch, threads):
    count = steps(model, work, batch)
    while True:
        flags = ["--batch", str(batch), "--threads", str(threads), "--steps", str(count), "--json"]
        out, mib = run([program, "bench"] + flags + ["--infer"] * (work not in TRAINING))
        ms = json.loads(out)["ms_per_step"]
        if ms * count >= LEAST_MS:
            return ms, mib
        count = round(2 * LEAST_MS / ms) + 1


def theirs(model, work, batch, threads):
    flags = ["--batch", str(batch), "--threads", str(threads), "--steps", str(steps(model, work, batch))]
    script, kind = MODELS[model].peer
    out, mib = run(["/usr/bin/python3", f"bench/peer/{script}", kind] + flags + ["--infer"] * (work not in TRAINING))
    words = out.split()
    return float(words[words.index("ms/step") - 1]), mib


def noise(place):
    """A directory with batches of CIFAR-10 that hold noise."""
    folder = f"{place}/noise"
    if not os.path.isdir(folder):
        os.mkdir(folder)
        for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
            images = bytearray(os.urandom(3073 * 10000))
            images[::3073] = bytes(i % 10 for i in range(10000))
            with open(f"{folder}/{name}", "wb") as f:
                f.write(images)
    return folder


@functools.lru_cache
def build(dnw, place, model, more, single):
    """The program, seconds it took to build, multiply-adds of a sample over edges in use and candidates."""
    example, defines = MODELS[model].example, MODELS[model].defines + list(more)
    program = f"{place}/{model}-{len(os.listdir(place))}"
    if single:
        text, example = open(example).read(), program + ".dnw"
        with open(example, "w") as f:
            f.write(re.sub(r"(\bbatch *=) \d+", r"\1 1", text))
    start = time.perf_counter()
    run([dnw, "build", example, "-o", program] + defines)
    seconds = time.perf_counter() - start
    graphs = json.loads(run([dnw, "check", "--json", example] + defines)[0])["graphs"].values()
    return program, seconds, (sum(g["edge_macs"] for g in graphs), sum(g["candidate_macs"] for g in graphs))


@functools.lru_cache
def frozen(dnw, place, model):
    """The program of weights that training wrote when it was interrupted, and what `build` says of that one."""
    program, seconds, macs = build(dnw, place, model, (), False)
    example, defines, batch = MODELS[model].example, MODELS[model].defines, str(MODELS[model].batches[0])
    data = [] if model == "mlp" else ["--data", noise(place)]
    log = f"{place}/{model}-run/log.jsonl"
    training = subprocess.Popen([program, "train", "--quiet", "--batch", batch, "--out", os.path.dirname(log)] + data,
                                stderr=subprocess.DEVNULL)
    while training.poll() is None and not (os.path.exists(log) and os.path.getsize(log)):
        time.sleep(0.1)
    time.sleep(TRAIN_S)
    training.send_signal(signal.SIGINT)
    training.wait()
    fast = f"{place}/{model}-frozen"
    run([dnw, "build", example, "--freeze", "--weights", f"{place}/{model}-run/last.safetensors", "-o", fast] + defines)
    return fast, seconds, macs


def ceiling(args, threads):
    """GFLOP/s of so many cores at once: together they may be slower than one alone."""
    cores = [subprocess.Popen([args.place + "/ceiling"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
             for _ in range(threads)]
    return sum(float(core.communicate()[0]) for core in cores)


def program_of(dnw, place, model, work, batch):
    if work == "frozen":
        return frozen(dnw, place, model)
    return build(dnw, place, model, tuple(TRAINING[work][0]) if work in TRAINING else (), batch == 1)


def peer_of(model, work, batch, args):
    """What measures the other side: the peer, or a program of another dnw."""
    if args.alone:
        return None
    if not args.against:
        return lambda threads: theirs(model, work, batch, threads)
    place = args.place + "/against"
    os.makedirs(place, exist_ok=True)
    program = program_of(args.against, place, model, work, batch)[0]
    return lambda threads: ours(program, model, work, batch, threads)


def row(program, seconds, macs, model, work, batch, threads, args, peer):
    kept, candidates = macs
    mine, other, most = [], [], []
    for _ in range(args.pairs):
        most.append(ceiling(args, threads))
        mine.append(ours(program, model, work, batch, threads))
        if peer:
            other.append(peer(threads))
    ms = statistics.median(m for m, _ in mine)
    candidates = kept if model in BETWEEN_EVENTS else candidates
    flop = 2 * batch * (TRAINING[work][1](kept, candidates) if work in TRAINING else kept)
    rate = flop / ms * 1e-6
    beside = ["", "", ""]
    if other:
        ratio = statistics.median(o / m for (o, _), (m, _) in zip(other, mine))
        beside = [f"{statistics.median(o for o, _ in other):.3f}", f"{ratio:.2f} x", f"{max(mib for _, mib in other):.0f}"]
    cells = [model, work, batch, threads, f"{ms:.3f}", beside[0], beside[1], f"{rate:.1f}",
             f"{100 * rate / statistics.median(most):.1f} %", f"{max(mib for _, mib in mine):.0f}", beside[2], f"{seconds:.2f}"]
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def words(choices):
    def parse(text):
        chosen = [type(choices[0])(w) for w in text.split(",")]
        for w in chosen:
            if w not in choices:
                raise argparse.ArgumentTypeError(f"'{w}' is none of {', '.join(map(str, choices))}")
        return chosen
    parse.__name__ = "list"
    return parse


def numbers(text):
    chosen = [int(w) for w in text.split(",")]
    if min(chosen) < 1:
        raise ValueError
    return chosen


def arguments():
    p = argparse.ArgumentParser(prog="bench/run.sh", description="Compiled programs beside their peers, the same work in turn.")
    p.add_argument("--only", type=words(list(MODELS)), default=list(MODELS), metavar="A,B", help=f"models: {', '.join(MODELS)}")
    p.add_argument("--work", type=words(WORK), default=WORK, metavar="A,B", help=", ".join(WORK))
    p.add_argument("--batch", type=numbers, metavar="A,B", help="samples of a step (default: those of each model)")
    p.add_argument("--threads", type=words(THREADS), default=THREADS, metavar="A,B", help="1, 2")
    p.add_argument("--pairs", type=int, default=3, metavar="N", help="runs of each side a row (default: 3)")
    p.add_argument("--alone", action="store_true", help="without the peers")
    p.add_argument("--against", metavar="DNW", help="another dnw in place of the peers: does a change make programs slower?")
    p.add_argument("--dnw", default="build/dnw", help=argparse.SUPPRESS)
    p.add_argument("--place", required=True, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.pairs < 1:
        p.error("--pairs takes a number from 1 on")
    return a


def main():
    args = arguments()
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.strip() if shutil.which("git") else ""
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    blas = os.environ.get("OPENBLAS_CORETYPE")
    print(f"{time.strftime('%Y-%m-%d')}, {cpu}, commit {commit or 'unknown'}, {args.pairs} pairs a row"
          + (f", OPENBLAS_CORETYPE={blas}" if blas else "")
          + f"; fused multiply-add from registers: {ceiling(args, 1):.0f} GFLOP/s a core at the start\n")
    print("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|", flush=True)
    for model in args.only:
        for work in args.work:
            if work not in MODELS[model].works:
                continue
            for batch in args.batch or MODELS[model].batches:
                built = program_of(args.dnw, args.place, model, work, batch)
                peer = peer_of(model, work, batch, args)
                for threads in [1] if model == "set-scipy" else args.threads:
                    row(*built, model, work, batch, threads, args, peer)


main()
