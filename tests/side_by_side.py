"""What each client makes of lost answers: the official Python SDK, the official tccli, and our command.

Each submits the same jobs to an emulator of its own with the same faults. The emulator's ledger says what would be billed;
a job is told by its SessionContext. Run it through side_by_side.sh, which installs the two first.
"""

import argparse
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.retry import StandardRetryer
from tencentcloud.vod.v20180717 import models
from tencentcloud.vod.v20180717.vod_client import VodClient

SECRET_ID = "AKIDEXAMPLE"
SECRET_KEY = "a-key-that-opens-nothing"
SUB_APP_ID = 1500044236
# How many jobs are under way at a time.
TOGETHER = 8
WORDS = ["yes", "no", "unknown", "nothing"]
WAITER = {"expr": "Status", "to": "FINISH", "timeout": 2, "interval": 1}
TASK_ID = re.compile(r"\d+-\w+-[0-9a-f]+t\b")
README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- side-by-side:start -->", "<!-- side-by-side:end -->"


def scenario(seed):
    def create(probability, fault):
        return {"action": "CreateAigcVideoTask", "probability": probability, "fault": fault}

    return {
        "seed": seed,
        "behaviour": {"list_lag_seconds": 2},
        "faults": [
            create(0.15, {"reset": {"request": "taken"}}),
            create(0.10, {"status": {"request": "taken", "status": 502}}),
            create(0.05, {"status": {"request": "dropped", "status": 502}}),
            create(0.10, {"error": {"request": "dropped", "code": "RequestLimitExceeded"}}),
        ],
    }


class Bench:
    """An emulator with the faults, and a folder and an environment in which no account of this machine is used."""

    def __init__(self, binary, endpoint, folder):
        self.binary, self.endpoint, self.folder = binary, endpoint, folder
        self.environment = environment(folder)

    def run(self, *command):
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def ours(self, *arguments):
        connection = ["--endpoint", self.endpoint, "--sub-app-id", str(SUB_APP_ID), "--journal", "journal.sqlite3"]
        return self.run(self.binary, *connection, *arguments)

    def ask(self, path, document=None):
        data = json.dumps(document).encode() if document is not None else None
        return json.load(urllib.request.urlopen(urllib.request.Request(self.endpoint + path, data=data), timeout=10))


def environment(folder):
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {"HOME": folder, "TENCENTCLOUD_SECRET_ID": SECRET_ID, "TENCENTCLOUD_SECRET_KEY": SECRET_KEY}


@contextmanager
def bench(binary, seed):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "scenario.json").write_text(json.dumps(scenario(seed)))
        command = [binary, "emulate", "--scenario", "scenario.json"]
        emulator = subprocess.Popen(command, env=environment(folder), cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            yield Bench(binary, json.loads(emulator.stdout.readline())["endpoint"], folder)
        finally:
            emulator.kill()
            emulator.wait()


def submit_all(submit, jobs):
    """Submits every job, some at a time, and returns the output of each, which may name task ids."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        return dict(zip(jobs, pool.map(submit, jobs)))


def said_of_the_bill(output):
    """What the output of a submit says of the bill: yes, no, unknown or nothing. A task id says that a task was started."""
    try:
        document = json.loads(output)
    except json.JSONDecodeError:
        document = {}
    if isinstance(document, dict) and "error" in document:
        return document["error"]["billed"]
    return "yes" if TASK_ID.search(output) else "nothing"


def with_sdk(bench, jobs):
    profile = ClientProfile(
        httpProfile=HttpProfile(endpoint=bench.endpoint.removeprefix("http://"), protocol="http"),
        retryer=StandardRetryer(),
    )

    def submit(job):
        request = models.CreateAigcVideoTaskRequest()
        request.from_json_string(json.dumps({
            "SubAppId": SUB_APP_ID, "ModelName": "Kling", "ModelVersion": "2.1", "Prompt": "a panda", "SessionContext": job,
        }))
        client = VodClient(Credential(SECRET_ID, SECRET_KEY), "ap-guangzhou", profile)
        try:
            return str(client.CreateAigcVideoTask(request).TaskId)
        except TencentCloudSDKException as error:
            return str(error)

    outputs = submit_all(submit, jobs)
    return outputs, outputs, bills(bench)


def with_tccli(tccli, *further):
    def run(bench, jobs):
        def submit(job):
            return bench.run(
                tccli, "vod", "CreateAigcVideoTask", "--region", "ap-guangzhou", "--endpoint", bench.endpoint,
                "--SubAppId", str(SUB_APP_ID), "--ModelName", "Kling", "--ModelVersion", "2.1", "--Prompt", "a panda",
                "--SessionContext", job, *further,
            ).stdout

        outputs = submit_all(submit, jobs)
        return outputs, outputs, bills(bench)

    return run


def with_ours(bench, jobs):
    def submit(job):
        arguments = ["generate", "a panda", "--model", "Kling:2.1", "--session-context", job, "--key", job, "--no-wait"]
        return bench.ours(*arguments, "--json").stdout.splitlines()[-1]

    outputs, billed = submit_all(submit, jobs), bills(bench)
    # The tasks are done after a minute of the emulator's time.
    bench.ask("/_emulator/clock", {"advance_seconds": 60})
    resumed = bench.ours("resume", "--first-poll", "0s")
    if resumed.returncode:
        print(resumed.stdout, file=sys.stderr)
    told = {job["key"]: job["task_id"] or "" for job in json.loads(bench.ours("task", "list", "--json").stdout)}
    return told, outputs, billed


def bills(bench):
    """The task ids that are billed now, by job."""
    billed = defaultdict(list)
    for entry in bench.ask("/_emulator/ledger"):
        billed[entry["session_context"]].append(entry["task_id"])
    return billed


def judge(bench, jobs, result):
    """Counts by job: what was billed, what of it the caller was never told, and what the submit said of the bill."""
    told, outputs, billed_at_submit = result
    billed = bills(bench)
    said = {job: said_of_the_bill(outputs[job]) for job in jobs}
    counts = [f"{word} {count}" for word in WORDS if (count := list(said.values()).count(word))]
    # One task id for two bills is as wrong as no bill for a task.
    right = {"no": 0, "yes": 1}
    wrong = sum(said[job] in right and len(billed_at_submit[job]) != right[said[job]] for job in jobs)
    unknown = [[task for task in billed[job] if task not in told.get(job, "")] for job in jobs]
    return {
        "jobs": len(jobs),
        "tasks billed": sum(len(tasks) for tasks in billed.values()),
        "jobs billed more than once": sum(len(tasks) > 1 for tasks in billed.values()),
        "tasks billed and lost": sum(map(len, unknown)),
        "jobs without a task": sum(not billed[job] for job in jobs),
        "what the submit says of the bill": f"{', '.join(counts)}; {wrong} wrong",
    }


def table(rows):
    columns = list(next(iter(rows.values())))
    lines = ["| client | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    return "\n".join(lines + [f"| {name} | " + " | ".join(str(row[it]) for it in columns) + " |" for name, row in rows.items()])


def version_of(python, package):
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--tccli")
    parser.add_argument("--without-tccli", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    binary = str(Path(options.binary).resolve())

    sdk = importlib.metadata.version("tencentcloud-sdk-python-vod")
    clients = {f"official Python SDK {sdk}, `StandardRetryer`": with_sdk}
    if options.tccli:
        tccli = str(Path(options.tccli).resolve())
        version = version_of(str(Path(tccli).with_name("python")), "tccli")
        clients[f"official `tccli` {version}"] = with_tccli(tccli)
        clients[f"official `tccli` {version}, `--waiter`"] = with_tccli(tccli, "--waiter", json.dumps(WAITER))
    clients["`vod-aigc generate --key`, then `resume`"] = with_ours

    jobs = [f"job-{number}" for number in range(options.jobs)]
    rows = {}
    for name, submit in clients.items():
        with bench(binary, options.seed) as place:
            rows[name] = judge(place, jobs, submit(place, jobs))
            print(f"{name}: {rows[name]}", file=sys.stderr)
    print(table(rows))
    expected = {
        "jobs": len(jobs), "tasks billed": len(jobs), "jobs billed more than once": 0, "tasks billed and lost": 0,
        "jobs without a task": 0,
    }
    ours = list(rows.values())[-1]
    said = ours["what the submit says of the bill"]
    assert "nothing" not in said and said.endswith("; 0 wrong"), f"ours must say the truth of every bill: {said}"
    assert ours | expected == ours, "ours must bill each job once and lose none"
    if options.write:
        text = README.read_text()
        before, rest = text.split(START)
        _, after = rest.split(END)
        README.write_text(f"{before}{START}\n{table(rows)}\n{END}{after}")


main()
