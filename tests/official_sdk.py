"""The official Python SDK, unchanged, against the emulator and against our signatures.

Usage: official_sdk.py PATH_OF_VOD_AIGC. Run it through official-sdk.sh, which installs the SDK first.
"""

import json
import os
import random
import string
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime, timezone
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


def check_task(binary, folder):
    """Creates a task and reads it to FINISH; a wrong key and a repeated SessionId are refused as the service would."""
    command = [binary, "emulate", "--listen", "127.0.0.1:0"]
    emulator = subprocess.Popen(command, env=environment(), cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        endpoint = json.loads(emulator.stdout.readline())["endpoint"]
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
    finally:
        emulator.kill()
        emulator.wait()


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


def any_value(chance, depth):
    """A JSON object of random names and values, unlikely characters among them."""
    def text():
        return "".join(chance.choices("aZ09 \"\\/\n\t\u0000é熊🐼\u2028{}[]:,", k=chance.randint(0, 20)))

    def value(depth):
        kinds = [text, lambda: chance.randint(-2**53, 2**53), chance.random, lambda: chance.choice([True, False, None])]
        if depth:
            kinds += [lambda: any_value(chance, depth - 1), lambda: [value(depth - 1) for _ in range(chance.randint(0, 4))]]
        return chance.choice(kinds)()

    return {text(): value(depth) for _ in range(chance.randint(0, 6))}


def main():
    binary = str(Path(sys.argv[1]).resolve())
    seed = int(os.environ.get("SEED", time.time_ns()))
    with tempfile.TemporaryDirectory() as folder:
        check_task(binary, folder)
        print("the official SDK has created a task and read it to FINISH")
        check_signatures(binary, folder, seed)
        print(f"{BODIES} signatures of the official SDK equal ours (SEED={seed})")


main()
