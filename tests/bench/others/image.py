"""The official Python SDK: from an image on the disk to its request at a server on loopback. Prints the median time."""

import base64
import http.server
import statistics
import sys
import threading
import time

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.vod.v20180717 import models
from tencentcloud.vod.v20180717.vod_client import VodClient

arrived = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        # The head is enough: the time that the body takes over loopback is not counted.
        arrived.append(time.perf_counter())
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"Response":{"TaskId":"1","RequestId":"r"}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
credential = Credential("AKIDEXAMPLE0000000000000000000000000", "a-key-that-opens-nothing00000000")
profile = HttpProfile(protocol="http", endpoint=f"127.0.0.1:{server.server_port}", keepAlive=True)
client = VodClient(credential, "ap-guangzhou", ClientProfile(httpProfile=profile))

times = []
for number in range(7):
    begun = time.perf_counter()
    request = models.CreateAigcVideoTaskRequest()
    request.SubAppId, request.ModelName, request.ModelVersion, request.Prompt = 1, "Kling", "2.1", f"shot {number}"
    image = models.AigcVideoTaskInputFileInfo()
    image.Type, image.Base64 = "Base64", base64.b64encode(open(sys.argv[1], "rb").read()).decode()
    request.FileInfos = [image]
    client.CreateAigcVideoTask(request)
    times.append(arrived[-1] - begun)
print(f"{statistics.median(times) * 1000:.1f} ms")
