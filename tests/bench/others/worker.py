"""The official Python SDK as a worker: see ../src/worker.rs. Argument: the server's address."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tencentcloud.common.credential import Credential
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.vod.v20180717 import models
from tencentcloud.vod.v20180717.vod_client import VodClient

NAME = "Python, official SDK"
TOGETHER = 64


def text(name):
    return (Path(__file__).resolve().parent.parent / "material" / f"{name}.json").read_text("utf-8")


def main():
    credential = Credential("AKIDEXAMPLE0000000000000000000000000", "a-key-that-opens-nothing00000000")
    profile = HttpProfile(protocol="http", endpoint=sys.argv[1], keepAlive=True)
    client = VodClient(credential, "ap-guangzhou", ClientProfile(httpProfile=profile))
    create, finished = text("create"), text("finished")
    typed = models.CreateAigcVideoTaskRequest()
    typed._deserialize(json.loads(create))

    def sign():
        request = RequestInternal("vod.ap-guangzhou.tencentcloudapi.com", "POST", "/")
        request.header.update({"Content-Type": "application/json", "Host": request.host, "X-TC-Timestamp": "1763884800"})
        request.data = create
        signature = client._get_tc3_signature(None, request, "2025-11-23", "vod", credential.secret_key)
        return (
            f"TC3-HMAC-SHA256 Credential={credential.secret_id}/2025-11-23/vod/tc3_request, "
            f"SignedHeaders=content-type;host, Signature={signature}"
        )

    def encode():
        return json.dumps(typed._serialize())

    def decode():
        models.DescribeTaskDetailResponse()._deserialize(json.loads(finished)["Response"])

    def call():
        request = models.DescribeTaskDetailRequest()
        request.TaskId, request.SubAppId = "1500044236-AigcVideoTask-finished000c", 1500044236
        client.DescribeTaskDetail(request)

    def repeated(once):
        def run(count):
            for _ in range(count):
                once()

        return run

    def together(count):
        with ThreadPoolExecutor(TOGETHER) as threads:
            for done in threads.map(lambda _: call(), range(count)):
                assert done is None

    ways = {
        "sign first": repeated(sign),
        "sign again": repeated(sign),
        "encode": repeated(encode),
        "decode full": repeated(decode),
        "full call": repeated(call),
        "full call, 64 in flight": together,
    }
    for work in ways:
        print(f"{work}\t{NAME}")
    print(flush=True)
    for line in sys.stdin:
        work, _, count = line.rstrip("\n").split("\t")
        before = time.process_time_ns()
        ways[work](int(count))
        print(time.process_time_ns() - before, flush=True)


main()
