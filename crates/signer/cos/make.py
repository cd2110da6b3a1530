#!/usr/bin/env python3
"""Writes vectors.json: requests to COS as the vendor's own Python package signs them.

Needs `pip install cos-python-sdk-v5`; the committed file was written with version 1.9.44. The package takes the time
from the clock, which is set here; it signs from a minute before it on.
"""

import json
import pathlib
import time

import requests
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

SECRET_ID = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******"
SECRET_KEY = "Gu5t9xGARNpq86cd98joQYCN3*******"
NOON = 1764072000  # 2025-11-25 12:00:00 UTC
HOST = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com"

CASES = {
    "host_only": ("PUT", "/exampleobject", {}),
    "upload": ("PUT", "/a1b2/c3d4/f0.png", {
        "Content-Type": "image/png", "Content-Length": "8388608", "Content-MD5": "ZzD3iDJdrMAAb00lgLLeig==",
        "x-cos-security-token": "token+with/every=kind of~char_-.",
    }),
    "path_with_blanks_and_signs": ("PUT", "/a b/ä+&=/中文.mp4", {"Content-Type": "video/mp4; a=\"b\""}),
    "get": ("GET", "/exampleobject", {"Range": "bytes=0-9"}),
}

time.time = lambda: NOON + 60
vectors = []
for name, (method, path, headers) in CASES.items():
    config = CosConfig(Region="ap-guangzhou", SecretId=SECRET_ID, SecretKey=SECRET_KEY)
    request = requests.Request(method, f"https://{HOST}/", headers=headers).prepare()
    # What `requests` adds for an empty body is not part of the case.
    request.headers = requests.structures.CaseInsensitiveDict(headers)
    signed = CosS3Auth(config, path, expire=3540)(request)
    vectors.append({
        "name": name, "secret_id": SECRET_ID, "secret_key": SECRET_KEY, "method": method, "path": path,
        "headers": {**headers, "Host": HOST}, "valid": [NOON, NOON + 3600],
        "authorization": signed.headers["Authorization"],
    })
path = pathlib.Path(__file__).resolve().parent / "vectors.json"
path.write_text(json.dumps(vectors, indent=2, ensure_ascii=False) + "\n")
