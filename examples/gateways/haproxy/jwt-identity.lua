-- HAProxy's action `http-request lua.jwt-identity POLICY`: asks the decision server of kong-jwt-identity and carries its
-- decision out. HAProxy 2.6 or later. A request passes only when the decision server says so: every other way through
-- this file ends the request.

-- Where the decision server listens: an address as HAProxy writes them, such as unix@/run/jwt-identity/authz.sock.
local SERVER = os.getenv("JWT_IDENTITY_AUTHZ") or "ipv4@127.0.0.1:9180"
-- How long a decision may take, in milliseconds.
local TIMEOUT_MS = 5000

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

local function refuse_for_now(txn)
  finish(txn, 500, { ["content-type"] = { "application/problem+json" }, ["cache-control"] = { "no-store" } }, UNAVAILABLE)
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

core.register_action("jwt-identity", { "http-req" }, function(txn, policy)
  local client = core.httpclient()
  local ok, response = pcall(function()
    return client:get({
      url = "http://decisions/" .. policy,
      dst = SERVER,
      headers = question(txn),
      timeout = TIMEOUT_MS,
    })
  end)
  if not ok or type(response) ~= "table" or type(response.headers) ~= "table" then
    return refuse_for_now(txn)
  end
  local headers = response.headers
  local set, remove = first(headers, "x-decision-set"), first(headers, "x-decision-remove")
  if response.status ~= 200 then
    if type(response.status) ~= "number" or response.status < 400 then
      return refuse_for_now(txn)
    end
    local kept = {}
    for _, name in ipairs({ "content-type", "cache-control", "www-authenticate", "retry-after", "grpc-status", "grpc-message" }) do
      kept[name] = headers[name]
    end
    return finish(txn, response.status, kept, response.body or "")
  end
  -- Only the decision server sends both lists.
  if set == nil or remove == nil then
    return refuse_for_now(txn)
  end
  -- A header that Connection names would be taken off on the way.
  each_name(remove, function(name)
    txn.http:req_del_header(name)
  end)
  each_name(set, function(name)
    txn.http:req_set_header(name, first(headers, name:lower()) or "")
  end)
  local cookie = first(headers, "set-cookie")
  if cookie ~= nil then
    txn:set_var("txn.identity_set_cookie", cookie)
  end
  local query = first(headers, "x-decision-query")
  if query ~= nil then
    txn.http:req_set_query(query)
  end
end, 1)
