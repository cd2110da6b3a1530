"""The official Python SDK, unchanged, against the emulator, against our signatures and against the bodies of our types.

Usage: official_sdk.py PATH_OF_VOD_AIGC PATH_OF_THE_PROGRAM_TYPED. Run it through official-sdk.sh, which installs the SDK
first.
"""

import json
import os
import random
import string
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from datetime import datetime, timezone
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.vod.v20180717 import models
from tencentcloud.vod.v20180717.vod_client import VodClient

SECRET_ID = "AKIDEXAMPLE"
SECRET_KEY = "a-key-that-opens-nothing"
SUB_APP_ID = 1500044236
BODIES = 200
BODIES_OF_EACH_ACTION = 20

SHAPES = Path(__file__).parent.parent / "spec/schema/shapes"


def environment(secret_key=SECRET_KEY):
    """Only what our command needs, so that no account of this machine is ever used."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {"TENCENTCLOUD_SECRET_ID": SECRET_ID, "TENCENTCLOUD_SECRET_KEY": secret_key}


def client(host, secret_key=SECRET_KEY):
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=host, protocol="http"))
    return VodClient(Credential(SECRET_ID, secret_key), "ap-guangzhou", profile)


def post(url, document):
    request = urllib.request.Request(url, data=json.dumps(document).encode())
    return json.load(urllib.request.urlopen(request, timeout=10))


@contextmanager
def emulator(binary, folder):
    """The endpoint of an emulator."""
    command = [binary, "emulate", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=environment(), cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())["endpoint"]
    finally:
        process.kill()
        process.wait()


def check_task(binary, folder):
    """Creates a task and reads it to FINISH; a wrong key and a repeated SessionId are refused as the service would."""
    with emulator(binary, folder) as endpoint:
        host = endpoint.removeprefix("http://")
        request = models.CreateAigcVideoTaskRequest()
        request.from_json_string(json.dumps({
            "SubAppId": SUB_APP_ID,
            "ModelName": "Kling",
            "ModelVersion": "2.1",
            "Prompt": "一只熊猫在竹林中玩耍",
            "SessionId": "panda-1",
            "OutputConfig": {"StorageMode": "Temporary", "Resolution": "1080P", "AspectRatio": "9:16", "Duration": 5},
        }))

        refused(client(host, "wrong"), request, "AuthFailure.SignatureFailure")
        task_id = client(host).CreateAigcVideoTask(request).TaskId
        refused(client(host), request, "InvalidParameterValue.SessionId")

        describe = models.DescribeTaskDetailRequest()
        describe.TaskId = task_id
        describe.SubAppId = SUB_APP_ID
        seen = []
        for _ in range(20):
            reply = client(host).DescribeTaskDetail(describe)
            seen.append(reply.Status)
            if reply.Status == "FINISH":
                break
            # The emulator's clock is moved in place of waiting; the SDK signs by the real one, and both stay within the window.
            post(f"{endpoint}/_emulator/clock", {"advance_seconds": 1})
        assert seen[-1] == "FINISH" and "PROCESSING" in seen, seen

        task = reply.AigcVideoTask
        assert (task.Status, task.ErrCode, task.Progress) == ("FINISH", 0, 100), task
        assert task.SessionId == "panda-1", task.SessionId
        file = task.Output.FileInfos[0]
        assert (file.MetaData.Width, file.MetaData.Height, file.MetaData.Duration) == (1080, 1920, 5), file.MetaData
        video = urllib.request.urlopen(file.FileUrl, timeout=10).read()
        assert len(video) == file.MetaData.Size and video[4:8] == b"ftyp", len(video)
        ledger = json.load(urllib.request.urlopen(f"{endpoint}/_emulator/ledger", timeout=10))
        assert [entry["task_id"] for entry in ledger] == [task_id], ledger


def refused(vod, request, code):
    try:
        vod.CreateAigcVideoTask(request)
    except TencentCloudSDKException as error:
        assert error.code == code and error.requestId, error
    else:
        raise AssertionError(f"accepted in place of {code}")


def check_signatures(binary, folder, seed):
    """Compares the stages of one signature for each of some random bodies, times, keys and actions."""
    chance = random.Random(seed)
    body_file = Path(folder, "body")
    for index in range(BODIES):
        secret_key = "".join(chance.choices(string.ascii_letters + string.digits, k=chance.randint(1, 64)))
        timestamp = chance.randint(1_500_000_000, 2_000_000_000)
        vod = client("vod.tencentcloudapi.com", secret_key)
        request = RequestInternal("vod.tencentcloudapi.com", "POST", "/")
        action = chance.choice(["CreateAigcVideoTask", "DescribeTaskDetail", "PullEvents"])
        with mock.patch("time.time", return_value=timestamp):
            vod._build_req_with_tc3_signature(action, any_value(chance, 3), request)
        authorization = request.header["Authorization"]
        if index % 2:
            # Any bytes, which the SDK signs in the same way.
            request.data = chance.randbytes(chance.randint(0, 5000))
            date = datetime.fromtimestamp(timestamp, timezone.utc).strftime("%Y-%m-%d")
            signature = vod._get_tc3_signature({}, request, date, "vod", secret_key)
            authorization = f"{authorization.rsplit('=', 1)[0]}={signature}"
        body_file.write_bytes(request.data if isinstance(request.data, bytes) else request.data.encode())

        command = [
            binary, "sign", "--json", "--action", action, "--service", "vod", "--host", request.header["Host"],
            "--timestamp", str(timestamp), "--body", str(body_file), "--signed-headers", "content-type;host",
        ]
        result = subprocess.run(command, env=environment(secret_key), cwd=folder, stdout=subprocess.PIPE, check=True)
        ours = json.loads(result.stdout)
        assert ours["authorization"] == authorization, (seed, index, ours, authorization)
        assert ours["authorization"].endswith(f"Signature={ours['signature']}"), ours


def any_text(chance, shortest, longest):
    return "".join(chance.choices("aZ09 \"\\/\n\t\u0000é熊🐼\u2028{}[]:,", k=chance.randint(shortest, longest)))


def any_value(chance, depth):
    """A JSON object of random names and values, unlikely characters among them."""
    def text():
        return any_text(chance, 0, 20)

    def value(depth):
        kinds = [text, lambda: chance.randint(-2**53, 2**53), chance.random, lambda: chance.choice([True, False, None])]
        if depth:
            kinds += [lambda: any_value(chance, depth - 1), lambda: [value(depth - 1) for _ in range(chance.randint(0, 4))]]
        return chance.choice(kinds)()

    return {text(): value(depth) for _ in range(chance.randint(0, 6))}


class Recorder(BaseHTTPRequestHandler):
    """Stands before the emulator: writes down each body and how it was answered."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        connection = HTTPConnection(self.server.behind, timeout=10)
        connection.request("POST", self.path, body, dict(self.headers))
        answer = connection.getresponse().read()
        self.server.seen.append((json.loads(body), json.loads(answer)["Response"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def check_bodies(binary, typed, folder, seed):
    """Sends the same random requests through the types and through the SDK; the emulator gets the same JSON."""
    chance = random.Random(seed)
    shapes = {}
    for file in SHAPES.glob("*.json"):
        shapes |= json.loads(file.read_text(encoding="utf-8"))["$defs"]
    with emulator(binary, folder) as endpoint:
        recorder = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        recorder.behind, recorder.seen = endpoint.removeprefix("http://"), []
        threading.Thread(target=recorder.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{recorder.server_port}"
        ours = subprocess.Popen([typed, f"http://{host}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ask(**line):
            print(json.dumps(line), file=ours.stdin, flush=True)
            return json.loads(ours.stdout.readline())

        actions = ask()["actions"]
        for action in actions:
            for index in range(BODIES_OF_EACH_ACTION):
                # The first holds every member.
                body = any_of(chance, shapes, {"$ref": f"#/$defs/{action}Request"}, 1 if index == 0 else 0.5)
                answer = ask(action=action, request=body)
                assert "error" not in answer, (seed, action, body, answer)
                request = getattr(models, f"{action}Request")()
                request._deserialize(body)
                try:
                    getattr(client(host), action)(request)
                except TencentCloudSDKException:
                    pass  # Its answer is judged below.
                (our_body, our_answer), (their_body, their_answer) = recorder.seen
                recorder.seen.clear()
                assert our_body == their_body == body, (seed, action, body, our_body, their_body)
                for answer in (our_answer, their_answer):
                    code = answer.get("Error", {}).get("Code", "")
                    assert not code.startswith(("AuthFailure", "InvalidAction")), (seed, action, answer)
        recorder.shutdown()
        ours.kill()
        ours.wait()
    return len(actions)


def any_of(chance, shapes, schema, share):
    """A random value of a schema. A member that may be left out is there with the probability `share`."""
    schema = shapes.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if "oneOf" in schema:
        return chance.choice(schema["oneOf"])["const"]
    kind = schema["type"]
    if kind == "object":
        members = schema.get("properties", {})
        always = set(schema.get("required", []))
        if "SessionId" in members:
            # Where it is missing or empty, our transport would make one.
            always.add("SessionId")
            members = members | {"SessionId": members["SessionId"] | {"minLength": 1}}
        return {
            name: any_of(chance, shapes, member, share)
            for name, member in members.items() if name in always or chance.random() < share
        }
    if kind == "array":
        fewest = schema.get("minItems", 1)
        length = chance.randint(fewest, max(fewest, min(schema.get("maxItems", 3), 3)))
        return [any_of(chance, shapes, schema["items"], share) for _ in range(length)]
    if kind == "boolean":
        return chance.choice([True, False])
    if kind == "number":
        # As many digits as every reader of JSON keeps.
        return round(chance.uniform(schema.get("minimum", -1000), schema.get("maximum", 1000)), chance.randint(0, 3))
    if kind == "integer":
        least = 0 if schema.get("format") == "uint64" else -2**53
        return chance.randint(schema.get("minimum", least), schema.get("maximum", 2**53))
    return any_text(chance, schema.get("minLength", 0), min(schema.get("maxLength", 20), 20))


def main():
    binary, typed = (str(Path(path).resolve()) for path in sys.argv[1:])
    seed = int(os.environ.get("SEED", time.time_ns()))
    with tempfile.TemporaryDirectory() as folder:
        check_task(binary, folder)
        print("the official SDK has created a task and read it to FINISH")
        check_signatures(binary, folder, seed)
        print(f"{BODIES} signatures of the official SDK equal ours (SEED={seed})")
        actions = check_bodies(binary, typed, folder, seed)
        print(f"{BODIES_OF_EACH_ACTION} random bodies of each of {actions} actions are the same JSON from both (SEED={seed})")


main()
