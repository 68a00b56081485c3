#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make fuzz: runs each fuzz target for a time, from its seeds and what earlier runs have kept; one line a target, and
status 1 if one has a finding. Findings lie in DIRECTORY/findings: give such a file to the target to see it again."""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys

AFL = {"AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1", "AFL_AUTORESUME": "1",
       "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1"}


def output_of(command, **settings):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False, **settings)


def number(pattern, text):
    """The last number that a pattern finds."""
    found = re.findall(pattern, text, re.M)
    return int(found[-1]) if found else 0


def run_libfuzzer(program, work, seconds):
    """How many inputs were tried, whether the run was as it should be, and what was printed."""
    corpus = os.path.join(work, "corpus")
    os.makedirs(corpus, exist_ok=True)
    done = output_of([program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=4096",
                      "-print_final_stats=1", f"-artifact_prefix={work}/findings/", corpus, work + "/seeds"])
    return number(r"number_of_executed_units: (\d+)", done.stdout), done.returncode == 0, done.stdout


def run_afl(program, work, seconds):
    queue = os.path.join(work, "afl")
    done = output_of(["afl-fuzz", "-V", str(seconds), "-m", "none", "-t", "10000", "-i", work + "/seeds", "-o", queue, "--",
                      program], env={**os.environ, **AFL})
    stats = ""
    if os.path.exists(queue + "/default/fuzzer_stats"):
        with open(queue + "/default/fuzzer_stats", encoding="ascii") as file:
            stats = file.read()
    for kind in ("crashes", "hangs"):
        for path in glob.glob(f"{queue}/default/{kind}/id*"):
            shutil.copy(path, f"{work}/findings/{kind}-{os.path.basename(path).split(',')[0]}")
    return number(r"^execs_done *: (\d+)", stats), done.returncode == 0, done.stdout


def run(engine, program, seconds):
    """True if the target is clean; what it printed is shown if not."""
    name = os.path.basename(program)
    work = os.path.join(os.path.dirname(program), "work", name)
    shutil.rmtree(work + "/findings", ignore_errors=True)
    shutil.rmtree(work + "/seeds", ignore_errors=True)
    os.makedirs(work + "/findings")
    shutil.copytree(os.path.join(os.path.dirname(program), "seeds", name), work + "/seeds")
    executions, good, output = (run_afl if engine == "afl" else run_libfuzzer)(program, work, seconds)
    findings = os.listdir(work + "/findings")
    clean = good and executions > 0 and not findings
    if not clean:
        print(output)
    print(f"fuzz target={name} engine={engine} seconds={seconds} executions={executions} findings={len(findings)}"
          f"{'' if clean else ' see=' + work + '/findings'}", flush=True)
    return clean


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("libfuzzer", "afl"), default="libfuzzer")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    subprocess.run([sys.executable, "-B", "tests/fuzz/seeds.py",
                    os.path.join(os.path.dirname(options.programs[0]), "seeds")], check=True)
    clean = sum(run(options.engine, program, options.seconds) for program in options.programs)
    print(f"{len(options.programs)} targets, {clean} clean")
    return 0 if clean == len(options.programs) else 1


if __name__ == "__main__":
    sys.exit(main())
