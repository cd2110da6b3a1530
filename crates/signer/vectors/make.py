#!/usr/bin/env python3
"""Writes the signing vectors: one folder a case, one file a stage.

Shares nothing with the Rust crate: only hashlib and hmac, following the vendor's description of
TC3-HMAC-SHA256. Run it from anywhere; it overwrites the files beside it.
"""

import datetime
import hashlib
import hmac
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
SECRET_ID = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******"
SECRET_KEY = "Gu5t9xGARNpq86cd98joQYCN3*******"
JSON = "application/json"
NOON = 1764072000  # 2025-11-25 12:00:00 UTC
MIDNIGHT = 1764115200  # 2025-11-26 00:00:00 UTC
VOD = "vod.tencentcloudapi.com"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def case(name, headers, body=b"", *, service="vod", timestamp=NOON, method="POST", query="",
         signed=("content-type", "host"), repeat=None):
    """`headers` are sent as given; `repeat` stands for a body too large to store."""
    headers = headers + [("X-TC-Timestamp", str(timestamp))]
    values = {key.lower(): value.strip().lower() for key, value in headers}
    signed = sorted(signed)
    whole_body = repeat["text"].encode() * repeat["times"] if repeat else body
    payload = b"UNSIGNED-PAYLOAD" if "x-tc-content-sha256" in values else whole_body
    canonical = "\n".join([
        method, "/", query,
        "".join(f"{key}:{values[key]}\n" for key in signed),
        ";".join(signed),
        sha256(payload),
    ])
    day = datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).strftime("%Y-%m-%d")
    scope = f"{day}/{service}/tc3_request"
    to_sign = "\n".join(["TC3-HMAC-SHA256", str(timestamp), scope, sha256(canonical.encode())])
    key = mac(mac(mac(("TC3" + SECRET_KEY).encode(), day), service), "tc3_request")
    signature = mac(key, to_sign).hex()
    authorization = (f"TC3-HMAC-SHA256 Credential={SECRET_ID}/{scope}, "
                     f"SignedHeaders={';'.join(signed)}, Signature={signature}")

    target = f"/?{query}" if query else "/"
    head = f"{method} {target} HTTP/1.1\n" + "".join(f"{key}: {value}\n" for key, value in headers) + "\n"
    context = {
        "secret_id": SECRET_ID, "secret_key": SECRET_KEY, "service": service, "timestamp": timestamp,
        "signed_headers": signed, "body_repeat": repeat,
        "hashed_body": sha256(payload), "hashed_canonical_request": sha256(canonical.encode()),
        "signature": signature,
    }
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "request.txt").write_bytes(head.encode() + body)
    (folder / "canonical_request.txt").write_bytes(canonical.encode())
    (folder / "string_to_sign.txt").write_bytes(to_sign.encode())
    (folder / "authorization.txt").write_bytes(authorization.encode())
    (folder / "context.json").write_text(json.dumps(context, indent=2) + "\n")


def vod(action="CreateAigcVideoTask", *more):
    return [("Content-Type", JSON), ("Host", VOD), ("X-TC-Action", action), ("X-TC-Version", "2018-07-17"), *more]


case("published_example",
     [("Content-Type", "application/json; charset=utf-8"), ("Host", "cvm.tencentcloudapi.com"),
      ("X-TC-Action", "DescribeInstances")],
     rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}',
     service="cvm", timestamp=1551113065, signed=("content-type", "host", "x-tc-action"))
case("unicode", vod(), '{"Prompt":"一只猫在弹钢琴 🎹 — ça va"}'.encode())
case("empty_body", vod("DescribeTaskDetail"))
case("midnight_before", vod(), b"{}", timestamp=MIDNIGHT - 1)
case("midnight_after", vod(), b"{}", timestamp=MIDNIGHT)
case("token", vod("DescribeTaskDetail", ("X-TC-Token", "TokenOfTemporaryKeys/+=")), b"{}")
case("token_signed", vod("DescribeTaskDetail", ("X-TC-Token", "TokenOfTemporaryKeys/+=")), b"{}",
     signed=("content-type", "host", "x-tc-token"))
case("upper_case_action", vod("DESCRIBETASKDETAIL"), b"{}", signed=("content-type", "host", "x-tc-action"))
case("unsigned_payload", vod("CreateAigcVideoTask", ("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD")),
     b'{"Prompt":"not covered"}')
case("other_service_extra_headers",
     [("X-TC-Version", "2018-08-13"), ("Host", "sts.ap-guangzhou.tencentcloudapi.com:8443"), ("X-TC-Region", "ap-guangzhou"),
      ("Content-Type", "  application/json ;  charset=UTF-8  "), ("X-TC-Action", "AssumeRole")],
     b'{"RoleSessionName":"s"}', service="sts",
     signed=("x-tc-version", "host", "x-tc-region", "content-type", "x-tc-action"))
case("get_with_query",
     [("Content-Type", "application/x-www-form-urlencoded"), ("Host", "cvm.tencentcloudapi.com"),
      ("X-TC-Action", "DescribeInstances")],
     service="cvm", method="GET", query="Limit=10&InstanceIds.0=ins-09dx96dg&Name=%E6%9C%AA%20named")
case("seven_megabytes", vod(), repeat={"text": "0123456789abcdef", "times": 437_500})
