# A sample for Python 3.9 or later, standard library only: a small SDK that does the lookup and the messages for real
# and has no media, and below it the adapter that puts it on the SDK contract:
# proxyspec run --sdk "exec:python3 adapter.py"
import asyncio, base64, contextlib, http.client, json, os, ssl, struct, sys, urllib.parse

# ---- the SDK -----------------------------------------------------------------------------------------------------

class SDKError(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code

trust = endpoints = None  # from hello: the TLS context, and where the vendor's servers are

def post(url, body):  # sends JSON and returns the JSON that comes back
    u = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPSConnection(u.hostname, u.port, timeout=6, context=trust)) as connection:
        connection.request("POST", u.path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    if response.status != 200:
        raise SDKError(answer["error"]["code"], answer["error"]["message"])
    return answer

class WebSocket:  # as much of RFC 6455 as JSON messages need
    async def open(self, url):
        u = urllib.parse.urlsplit(url)
        self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection(u.hostname, u.port or 443, ssl=trust), 6)
        key, path = base64.b64encode(os.urandom(16)).decode(), u.path + ("?" + u.query if u.query else "")
        self.writer.write((f"GET {path} HTTP/1.1\r\nHost: {u.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 6)
        if b" 101 " not in head.split(b"\r\n")[0]:
            self.writer.close()
            raise OSError(f"{u.netloc} refused: {head.splitlines()[0].decode()}")
        return self
    async def read(self):  # the next message; None when there are no more
        while True:
            opcode, length = (b & n for b, n in zip(await self.reader.readexactly(2), (15, 127)))
            if length >= 126:
                form = ">H" if length == 126 else ">Q"
                length, = struct.unpack(form, await self.reader.readexactly(struct.calcsize(form)))
            payload = await self.reader.readexactly(length)
            if opcode == 1:  # servers here don't cut messages into frames
                return json.loads(payload)
            if opcode == 8:
                return None
            if opcode == 9:
                self.write(10, payload)
    def write(self, opcode, payload):
        n, mask = len(payload), os.urandom(4)
        length = bytes([128 | n]) if n < 126 else struct.pack(">BH", 254, n) if n < 65536 else struct.pack(">BQ", 255, n)
        self.writer.write(bytes([128 | opcode]) + length + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload)))
    def close(self):
        self.write(8, struct.pack(">H", 1000))
        self.writer.close()

class Session:
    socket, next = None, 1

    def __init__(self):
        self.open = {}
    async def request(self, message):  # sends a request and waits for its answer
        message["id"], self.next = self.next, self.next + 1
        self.open[message["id"]] = answer = asyncio.get_running_loop().create_future()
        self.socket.write(1, json.dumps(message).encode())
        m = await asyncio.wait_for(answer, 10)
        if m["type"] == "error":
            raise SDKError(m["code"], m["message"])
        return m

class Client:
    app_id, proxy, session, sent, received = None, False, None, 0, 0

    def __init__(self, emit):
        self.emit = emit
    def state(self, state):
        self.emit(type="connection-state", state=state)
    async def set_proxy(self, on, method):  # the rules of the document: not while in a channel
        if self.session:
            raise SDKError("INVALID_OPERATION", f"{method} must be called before join() or after leave()")
        self.proxy = on

    async def join(self, p):
        if self.session or not self.app_id:
            raise SDKError("INVALID_OPERATION", "join needs init before it, and a client that is in no channel")
        self.session = session = Session()
        try:
            self.state("CONNECTING")
            await self.connect(session, await self.lookup(p) if self.proxy else endpoints["gateways"])
            joined = await session.request({"type": "join", "appId": self.app_id, "sdkVersion": "2.5.1",
                                            **{k: p[k] for k in ("channel", "channelKey", "uid") if k in p}})
            if self.session is not session:
                raise SDKError("ABORTED", "leave was called while joining")
        except Exception:
            self.session = None if self.session is session else self.session
            if session.socket:
                session.socket.close()
            self.state("DISCONNECTED")
            raise
        self.state("CONNECTED")
        return {"uid": joined["uid"]}

    async def lookup(self, p):  # steps 1 and 2: asks two edges at once and takes the first answer
        body = {"appId": self.app_id, "sdkVersion": "2.5.1", "channel": p["channel"], "uid": p.get("uid", "")}
        failure = SDKError("LOOKUP_FAILED", "no edge is known")
        for asked in asyncio.as_completed([asyncio.to_thread(post, edge, body) for edge in endpoints["lookup"][:2]]):
            try:
                return (await asked)["messageUrls"]
            except Exception as e:
                failure = e if isinstance(e, SDKError) else SDKError("LOOKUP_FAILED", f"the lookup failed: {e!r}")
        raise failure

    async def connect(self, session, urls):
        failures = []
        for url in urls:
            try:
                session.socket = await WebSocket().open(url)
                session.reading = asyncio.create_task(self.read(session))
                return
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as e:
                failures.append(f"{url.split('?')[0]}: {e!r}")
        raise SDKError("NOT_CONNECTED", "no way to SD-RTN: " + "; ".join(failures))
    async def read(self, session):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while m := await session.socket.read():
                if m["type"] in ("ok", "error"):
                    session.open.pop(m["id"]).set_result(m)
                elif m["type"] == "message":
                    self.received += 1
                    self.emit(type="message", uid=m["uid"], text=m["text"])
                else:
                    self.emit(type=m["type"], uid=m["uid"])
        for answer in session.open.values():
            answer.set_exception(SDKError("NOT_CONNECTED", "the connection to SD-RTN is lost"))
        if self.session is session:
            self.session = None
            self.state("DISCONNECTED")
    async def leave(self):
        session, self.session = self.session, None  # it counts from this moment on
        if session and session.socket:
            with contextlib.suppress(SDKError, asyncio.TimeoutError):
                await session.request({"type": "leave"})
            session.socket.close()
            self.state("DISCONNECTED")
    async def send(self, text):
        if not self.session or not self.session.socket:
            raise SDKError("INVALID_OPERATION", "send needs a channel")
        await self.session.request({"type": "message", "text": text})
        self.sent += 1

# ---- the adapter -------------------------------------------------------------------------------------------------

clients = {}
def write(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)

async def hello(p, _):
    global trust, endpoints
    trust, endpoints = ssl.create_default_context(cadata=p["ca"]), p["endpoints"]
    return {"protocol": 1, "name": "sample for Python", "version": "2.5.1"}
async def create_client(p, _):
    name = f"client-{len(clients) + 1}"
    clients[name] = Client(lambda **event: write(method="event", params={"client": name, **event}))
    return {"client": name}
async def stats(_, c):
    none = {kind: {"packets": 0, "bytes": 0, "frames": 0} for kind in ("audio", "video")}
    return {"messagesSent": c.sent, "messagesReceived": c.received, "sent": none, "received": {}}
async def reset(*_):
    left = list(clients.values())
    clients.clear()
    for c in left:
        await c.leave()
async def init(p, c):
    c.app_id = p["appId"]

methods = {
    "hello": hello, "createClient": create_client, "stats": stats, "reset": reset, "shutdown": reset, "init": init,
    "startProxyServer": lambda p, c: c.set_proxy(True, "startProxyServer"),
    "stopProxyServer": lambda p, c: c.set_proxy(False, "stopProxyServer"),
    "join": lambda p, c: c.join(p), "leave": lambda p, c: c.leave(), "send": lambda p, c: c.send(p["text"]),
}

async def answer(request):
    number, method, p = request["id"], request["method"], request["params"]
    try:
        if method not in methods:
            return write(id=number, error={"code": -32601, "message": method + " is not supported"})
        write(id=number, result=await methods[method](p, clients[p["client"]] if "client" in p else None) or {})
    except Exception as e:
        write(id=number, error={"code": -32000, "message": str(e), "data": {"code": getattr(e, "code", "ERROR")}})
    if method == "shutdown":
        os._exit(0)

async def main():
    running = set()  # each call begins in the order of the requests, and may finish later
    while line := await asyncio.to_thread(sys.stdin.readline):
        running.add(asyncio.create_task(answer(json.loads(line))))

asyncio.run(main())
