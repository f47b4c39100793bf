-- HAProxy's action `http-request lua.jwt-identity POLICY`: asks the decision server of kong-jwt-identity and carries its
-- decision out. HAProxy 2.6 or later. A request passes only when the decision server says so: every other way through
-- this file ends the request, and the backend denies it when this file could not run (haproxy.cfg).

-- Where the decision server listens: an address as HAProxy writes them, such as unix@/run/jwt-identity/authz.sock.
local SERVER = os.getenv("JWT_IDENTITY_AUTHZ") or "ipv4@127.0.0.1:9180"
-- How long an answer may take, in milliseconds. HAProxy asks up to three times more, so a decision may take five seconds.
local TIMEOUT_MS = 1250

-- What HAProxy's own request cannot carry; the decision server reads it under these names.
local HOP_HEADERS = { ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["host"] = false }

local UNAVAILABLE = '{"type":"about:blank","title":"Internal Server Error","status":500,'
  .. '"detail":"An unexpected error occurred.","code":"internal_error"}'

local function finish(txn, status, headers, body)
  local reply = txn:reply({ status = status })
  for name, values in pairs(headers) do
    for _, value in pairs(values) do
      reply:add_header(name, value)
    end
  end
  reply:set_body(body)
  txn:done(reply)
end

-- The client's headers, as lists that begin at 1, with what the client asked for.
local function question(txn)
  local headers = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    local is_hop = HOP_HEADERS[name]
    local is_ours = name:sub(1, 11) == "x-original-"
    if is_hop ~= false and not is_ours then
      local list = {}
      for i = 0, #values do
        list[#list + 1] = values[i]
      end
      headers[is_hop and ("x-original-" .. name) or name] = list
    end
  end
  headers["x-original-method"] = { txn.f:method() }
  headers["x-original-uri"] = { "/?" .. (txn.f:query() or "") }
  headers["host"] = { "decisions" }
  return headers
end

local function first(headers, name)
  local values = headers and headers[name]
  return values and (values[0] or values[1])
end

local function each_name(list, act)
  for name in list:gmatch("[^,]+") do
    act(name)
  end
end

-- In any tunnel but a WebSocket, such as h2c, a client would write identity headers itself.
local function keep_websocket_only(txn)
  local is_websocket = false
  for _, value in pairs(txn.http:req_get_headers()["upgrade"] or {}) do
    is_websocket = is_websocket or value:lower() == "websocket"
  end
  txn.http:req_del_header("upgrade")
  if is_websocket then
    txn.http:req_add_header("upgrade", "websocket")
  end
end

-- Asks, and carries a permission out. Returns nothing then, otherwise the answer to the client. May raise an error.
local function decide(txn, policy)
  local response = core.httpclient():get({
    url = "http://decisions/" .. policy,
    dst = SERVER,
    headers = question(txn),
    timeout = TIMEOUT_MS,
  })
  local status, headers = response.status, response.headers
  if status ~= 200 then
    if status < 400 then
      error("not the decision server")
    end
    local kept = {}
    for _, name in ipairs({ "content-type", "cache-control", "www-authenticate", "retry-after", "grpc-status", "grpc-message" }) do
      kept[name] = headers[name]
    end
    return status, kept, response.body or ""
  end
  -- Only the decision server sends both lists.
  local set, remove = first(headers, "x-decision-set"), first(headers, "x-decision-remove")
  if set == nil or remove == nil then
    error("not the decision server")
  end
  -- A header that Connection names would be taken off on the way.
  each_name(remove, function(name)
    txn.http:req_del_header(name)
  end)
  each_name(set, function(name)
    txn.http:req_set_header(name, first(headers, name:lower()) or "")
  end)
  keep_websocket_only(txn)
  -- HAProxy does not say when there was no room for a header (tune.bufsize).
  local written = txn.http:req_get_headers()
  each_name(set, function(name)
    if first(written, name:lower()) ~= (first(headers, name:lower()) or "") then
      error("no room")
    end
  end)
  local cookie = first(headers, "set-cookie")
  if cookie ~= nil then
    txn:set_var("txn.identity_set_cookie", cookie)
  end
  local query = first(headers, "x-decision-query")
  if query ~= nil then
    if not txn.http:req_set_query(query) then
      error("no room")
    end
  end
  txn:set_var("txn.identity_policy", policy)
end

-- HAProxy passes a request on after an error in an action, and when it has no memory to run it. So nothing here may raise
-- an error, and the backend denies what has no permission: `txn.identity_policy`, which only this file sets.
core.register_action("jwt-identity", { "http-req" }, function(txn, policy)
  local is_decided, status, headers, body = pcall(decide, txn, policy)
  if not is_decided then
    status, body = 500, UNAVAILABLE
    headers = { ["content-type"] = { "application/problem+json" }, ["cache-control"] = { "no-store" } }
  end
  if status ~= nil then
    finish(txn, status, headers, body)
  end
end, 1)
