"""An OCPI platform of others (extrawest-ocpi), with a store in memory: serve.py <port> <token of the invitation>.

What a test looks at and sets lies under /test: GET and PUT of the store, POST register to register at another platform.
"""
import sys
import uuid

import httpx
import uvicorn
from fastapi import Request
from py_ocpi import get_application
from py_ocpi.core.authentication.authenticator import Authenticator
from py_ocpi.core.crud import Crud
from py_ocpi.core.enums import ModuleID, RoleEnum
from py_ocpi.core.utils import encode_string_base64
from py_ocpi.modules.versions.enums import VersionNumber

port, invitation = int(sys.argv[1]), sys.argv[2]
base = f"http://127.0.0.1:{port}/ocpi"
party = {"country_code": "NO", "party_id": "NRD"}
store = {"invited": [invitation], "valid": [], "peers": {}, "sold": [], "priced": [], "received": {}, "tariffs": {}}


class Tokens(Authenticator):
    @classmethod
    async def get_valid_token_a(cls):
        return store["invited"]

    @classmethod
    async def get_valid_token_c(cls):
        return store["valid"]


def credentials(token, version):
    if version == VersionNumber.v_2_1_1:
        return {"token": token, "url": f"{base}/versions", "business_details": {"name": "Nordic"}, **party}
    roles = [{"role": role, "business_details": {"name": "Nordic"}, **party} for role in ("CPO", "EMSP")]
    return {"token": token, "url": f"{base}/versions", "roles": roles}


class Memory(Crud):
    @classmethod
    async def get(cls, module, role, id, *args, **kwargs):
        if module == ModuleID.credentials_and_registration:
            return credentials(str(id), kwargs["version"]) if id in store["valid"] else None
        if module == ModuleID.cdrs:
            own = next((c for c in store["sold"] if c["id"].lower() == str(id).lower()), None)
            return own if role == RoleEnum.cpo else store["received"].get(str(id))
        if module == ModuleID.tariffs and role == RoleEnum.cpo:
            return next((t for t in store["priced"] if t["id"].lower() == str(id).lower()), None)
        return store["tariffs"].get(str(id))

    @classmethod
    async def list(cls, module, role, filters, *args, **kwargs):
        items = store["sold"] if module == ModuleID.cdrs else store["priced"]
        begin, end = filters["date_from"], filters["date_to"]
        stamp = lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")
        items = [i for i in items if (begin is None or i["last_updated"] >= stamp(begin)) and (end is None or i["last_updated"] < stamp(end))]
        # A page of two at most, whatever is asked for.
        filters["limit"] = min(filters["limit"], 2)
        offset, limit = filters["offset"], filters["limit"]
        return items[offset:offset + limit], len(items), offset + limit >= len(items)

    @classmethod
    async def create(cls, module, role, data, *args, **kwargs):
        if module == ModuleID.credentials_and_registration:
            token = uuid.uuid4().hex
            store["invited"].remove(kwargs["auth_token"])
            store["valid"].append(token)
            store["peers"][token] = data
            return credentials(token, kwargs["version"])
        (store["received"] if module == ModuleID.cdrs else store["tariffs"])[str(data["id"])] = data
        return data

    @classmethod
    async def update(cls, module, role, data, id, *args, **kwargs):
        if module == ModuleID.credentials_and_registration:
            store["valid"].remove(kwargs["auth_token"])
            store["invited"].append(kwargs["auth_token"])
        return await cls.create(module, role, data, **kwargs)

    @classmethod
    async def delete(cls, module, role, id, *args, **kwargs):
        store["valid"].remove(id)

    @classmethod
    async def do(cls, *args, **kwargs):
        return None


app = get_application(
    version_numbers=[VersionNumber.v_2_1_1, VersionNumber.v_2_2_1],
    roles=[RoleEnum.cpo, RoleEnum.emsp],
    crud=Memory,
    modules=[ModuleID.credentials_and_registration, ModuleID.cdrs, ModuleID.tariffs],
    authenticator=Tokens,
    http_push=True,
)


@app.get("/test/store")
async def read_store():
    return store


@app.put("/test/store")
async def set_store(request: Request):
    store.update(await request.json())
    return {}


@app.post("/test/register")
async def register(request: Request):
    """Registers this platform at another one, as its sender of credentials: versions, details, credentials."""
    asked = await request.json()
    version = VersionNumber(asked["version"])
    token = uuid.uuid4().hex
    store["valid"].append(token)
    coded = asked["token"] if version == VersionNumber.v_2_1_1 else encode_string_base64(asked["token"])
    headers = {"authorization": f"Token {coded}"}
    async with httpx.AsyncClient() as client:
        versions = (await client.get(asked["url"], headers=headers)).json()["data"]
        details_url = next(v["url"] for v in versions if v["version"] == version.value)
        details = (await client.get(details_url, headers=headers)).json()["data"]
        url = next(e["url"] for e in details["endpoints"] if e["identifier"] == "credentials")
        answer = (await client.post(url, headers=headers, json=credentials(token, version))).json()
    return {"details_url": details_url, "answer": answer}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
