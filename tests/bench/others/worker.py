"""The official Python SDK as a worker: see ../src/worker.rs. Arguments: the server's URL and, with TLS, its root."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tencentcloud.common.credential import Credential
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.vod.v20180717 import models
from tencentcloud.vod.v20180717.vod_client import VodClient

TOGETHER = 64

url = urlsplit(sys.argv[1])
root = sys.argv[2] if len(sys.argv) > 2 else None
credential = Credential("AKIDEXAMPLE0000000000000000000000000", "a-key-that-opens-nothing00000000")
profile = HttpProfile(protocol=url.scheme, endpoint=url.netloc, certification=root, keepAlive=True)
client = VodClient(credential, "ap-guangzhou", ClientProfile(httpProfile=profile))
create = (Path(__file__).resolve().parent.parent / "material/create.json").read_text("utf-8")
threads = ThreadPoolExecutor(TOGETHER)


def sign():
    request = RequestInternal("vod.ap-guangzhou.tencentcloudapi.com", "POST", "/")
    request.header.update({"Content-Type": "application/json", "Host": request.host, "X-TC-Timestamp": "1763884800"})
    request.data = create
    signature = client._get_tc3_signature(None, request, "2025-11-23", "vod", credential.secret_key)
    return (
        f"TC3-HMAC-SHA256 Credential={credential.secret_id}/2025-11-23/vod/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={signature}"
    )


def call(_=None):
    request = models.DescribeTaskDetailRequest()
    request.TaskId, request.SubAppId = "1500044236-AigcVideoTask-finished000c", 1500044236
    client.DescribeTaskDetail(request)


def calls():
    for _ in threads.map(call, range(TOGETHER)):
        pass


works = {"sign": sign, "call": call, "calls": calls}
for line in sys.stdin:
    work, count = line.split()
    before = time.perf_counter_ns()
    for _ in range(int(count)):
        works[work]()
    print(time.perf_counter_ns() - before, flush=True)
