import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A service behind the gateway, with nothing but the JDK.
 *
 * <pre>java Service.java PORT GATEWAY...</pre>
 *
 * GATEWAY is a CIDR range. See docs/GUARD.md for what a service must do, and why.
 */
public final class Service {
  record Identity(String id, List<String> roles) {}

  static final class Refusal extends Exception {
    final int status;
    final String title;
    final String code;

    Refusal(int status, String title, String code, String detail) {
      super(detail);
      this.status = status;
      this.title = title;
      this.code = code;
    }

    static Refusal malformed() {
      return new Refusal(400, "Bad Request", "identity_malformed", "The identity headers are malformed.");
    }
  }

  record Network(byte[] address, int prefixLength) {
    static Network parse(String cidr) throws IOException {
      String[] parts = cidr.split("/");
      return new Network(InetAddress.getByName(parts[0]).getAddress(), Integer.parseInt(parts[1]));
    }

    /** Java shows an IPv4 address that arrives on an IPv6 socket as the IPv4 address it is. */
    boolean contains(InetAddress peer) {
      byte[] other = peer.getAddress();
      int rest = address.length * 8 - prefixLength;
      return other.length == address.length
          && new BigInteger(1, other).shiftRight(rest).equals(new BigInteger(1, address).shiftRight(rest));
    }
  }

  /** Printable ASCII without a comma and without a blank at either end: all that the gateway writes for one value. */
  private static final Pattern ENCODED =
      Pattern.compile("(?! )(?:[\\x20-\\x24\\x26-\\x2b\\x2d-\\x7e]|%[0-9A-Fa-f]{2})+(?<! )");

  /** URLDecoder would turn "+" into a blank and replace what is not UTF-8. */
  static String decode(String value) throws Refusal {
    if (!ENCODED.matcher(value).matches()) throw Refusal.malformed();
    var bytes = new ByteArrayOutputStream();
    for (int i = 0; i < value.length(); i++) {
      if (value.charAt(i) == '%') bytes.write(Integer.parseInt(value.substring(i + 1, (i += 2) + 1), 16));
      else bytes.write(value.charAt(i));
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
    } catch (CharacterCodingException e) {
      throw Refusal.malformed();
    }
  }

  /** Returns the caller, or null when the gateway verified nobody. */
  static Identity readIdentity(Headers headers) throws Refusal {
    List<String> users = headers.getOrDefault("X-User-ID", List.of());
    List<String> lists = headers.getOrDefault("X-User-Roles", List.of());
    if (users.size() > 1 || lists.size() > 1 || (users.isEmpty() && !lists.isEmpty())) throw Refusal.malformed();
    if (users.isEmpty()) return null;
    var roles = new ArrayList<String>();
    // Split first, then decode: an item may hold an encoded comma.
    for (String list : lists) for (String item : list.split(",", -1)) roles.add(decode(item));
    return new Identity(decode(users.get(0)), roles);
  }

  static Identity handle(HttpExchange exchange, List<Network> gateways) throws Refusal {
    // The connection's other end. Never X-Forwarded-For, which anybody can write.
    InetAddress peer = exchange.getRemoteAddress().getAddress();
    if (gateways.stream().noneMatch(gateway -> gateway.contains(peer))) {
      throw new Refusal(403, "Forbidden", "not_from_gateway", "This service is called through its gateway.");
    }
    Identity identity = readIdentity(exchange.getRequestHeaders());
    if (exchange.getRequestURI().getPath().equals("/admin")) {
      if (identity == null) throw new Refusal(401, "Unauthorized", "token_missing", "A bearer token is required.");
      if (!identity.roles().contains("admin")) {
        throw new Refusal(403, "Forbidden", "forbidden", "The caller may not perform this request.");
      }
    }
    return identity;
  }

  static void answer(HttpExchange exchange, int status, String contentType, String json) throws IOException {
    byte[] body = json.getBytes(StandardCharsets.UTF_8);
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", contentType);
    headers.set("Cache-Control", "no-store");
    if (status == 401) headers.set("WWW-Authenticate", "Bearer realm=\"service\"");
    exchange.sendResponseHeaders(status, body.length);
    try (var out = exchange.getResponseBody()) {
      out.write(body);
    }
  }

  static String quoted(String text) {
    var json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') json.append('\\').append(c);
      else if (c < 0x20) json.append(String.format("\\u%04x", (int) c));
      else json.append(c);
    }
    return json.append('"').toString();
  }

  static String json(Identity identity) {
    if (identity == null) return "null";
    String roles = identity.roles().stream().map(Service::quoted).collect(Collectors.joining(","));
    return "{\"id\":" + quoted(identity.id()) + ",\"roles\":[" + roles + "]}";
  }

  public static void main(String[] args) throws IOException {
    var gateways = new ArrayList<Network>();
    for (String cidr : Arrays.asList(args).subList(1, args.length)) gateways.add(Network.parse(cidr));
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", exchange -> {
      try {
        answer(exchange, 200, "application/json", json(handle(exchange, gateways)));
      } catch (Refusal refusal) {
        String problem = "{\"type\":\"about:blank\",\"title\":%s,\"status\":%d,\"detail\":%s,\"code\":%s}";
        String body = problem.formatted(
            quoted(refusal.title), refusal.status, quoted(refusal.getMessage()), quoted(refusal.code));
        answer(exchange, refusal.status, "application/problem+json", body);
      }
    });
    server.start();
    System.out.println("listening on " + server.getAddress().getPort());
  }
}
