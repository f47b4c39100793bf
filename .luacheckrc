-- For the handler that ships: dist/lua/kong/plugins/jwt-identity/handler.lua.
std = "ngx_lua+luajit"
globals = { "kong" }
-- Layout of generated code; arguments that each module of the bundle is passed; the bundle's own `require`.
ignore = { "6..", "212/%.%.%.", "213/____", "311/value" }
