// A network in which policies of choosing peers are compared: clients that want values, servers
// with a few slots each and a queue before them, distances, links, and servers that go silent, lie,
// slow down, come and go. A discrete-event simulation: the same seed gives the same run, and every
// policy the same fetches and the same work for each. Knows no policy; a Client brings one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "actors/peer_selector/random.hpp"
#include "msg/time.hpp"

namespace quarry::bench {

using peer_selector::Random;

struct Behaviour {
  Time silent_from = kNever;  // takes asks and never answers; pings it answers
  Time slow_from = kNever, slow_until = kNever;
  double slow_by = 1;
  Time joins = Time::min(), leaves = kNever;  // the peer set
  std::uint64_t stalls_after = UINT64_MAX;    // asks, all answered at once until then
  bool empty = false;                         // "no data" to everything, at once
  bool lies = false;
  Duration distance = Duration::zero();  // one way; zero: at random
  double bytes_per_s = 0;                // of its uplink; 0: as fast as can be
};

struct Scenario {
  std::string letter, title;
  int clients = 20, servers = 20, slots = 4;
  double load = 0.25;  // of all slots that answer
  double useful = 1;   // part of the asks that can be of use: the others load, too
  Duration service = std::chrono::milliseconds(20);
  Duration length = std::chrono::seconds(20);
  bool same_distances = false;  // for all clients
  int holders = 0;              // of each key; 0: everybody
  std::vector<std::uint32_t> sizes = {1024};
  double client_bytes_per_s = 0;  // of each client's link; 0: as fast as can be
  bool client_halved = false;     // the link, for ten seconds in the middle
  double overload_by = 1;         // the load, for the second half
  int watched = -1;               // the server whose share is reported
  int twin = -1;                  // one like it that was there from the start: its share is fair
  std::function<void(std::vector<Behaviour>&, const Scenario&)> behave = {};
  Time half() const { return Time(length / 2); }
};

enum class Reply : std::uint8_t { value, wrong, no_data, too_large };

class World;
// A node that asks. One instance of a policy.
class Client {
 public:
  virtual ~Client() = default;
  virtual void joined(int server, Time now) = 0;
  virtual void left(int server, Time now) = 0;
  virtual void want(std::uint32_t key, Time now) = 0;
  virtual void replied(int server, std::uint64_t request, Reply reply, Time now) = 0;
  virtual void ponged(int, std::uint64_t, Time) {}
  virtual void time_passed(Time now) = 0;
  virtual Time next_deadline() const = 0;
  virtual std::uint64_t timeouts() const = 0;
  virtual std::uint64_t hedges() const { return 0; }
  virtual std::uint64_t hedges_won() const { return 0; }
};
using MakeClient = std::function<std::unique_ptr<Client>(World&, int client, std::uint64_t seed)>;

struct Figures {
  double p50_ms = 0, p99_ms = 0, p999_ms = 0;
  double asks_per_fetch = 0;  // in the second half
  double hedged = 0;          // part of the asks, beyond the burst
  double won = 0;             // part of the hedges
  double share = 0;           // of the watched server, in the second half
  double fair = 0;            // of its twin
  double timeouts = 0, longest_queue = 0, unfinished = 0;
};

class World {
 public:
  World(const Scenario& scenario, const MakeClient& make, std::uint64_t seed);
  Figures run();

  // What clients do.
  void ask(int client, int server, std::uint64_t request, std::uint32_t key,
           std::uint32_t room = UINT32_MAX);
  void ping(int client, int server, std::uint64_t nonce);
  void resolved(std::uint32_t key, Time now);
  std::uint32_t size_of(std::uint32_t key) const;
  int servers() const { return scenario_.servers; }

 private:
  enum class What : std::uint8_t { fetch, ask, served, reply, pong, timer, join, leave };
  struct Event {
    Time at;
    std::uint64_t order;
    std::uint64_t request;
    std::uint32_t key, room;
    std::uint16_t client, server;
    What what;
    Reply reply;
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  struct Server {
    Behaviour is;
    int busy = 0;
    std::deque<Event> queue;
    Time uplink_free{};
    std::uint64_t asked = 0;
    std::size_t longest = 0;
  };
  struct One {
    std::unique_ptr<Client> client;
    Random arrivals{0};
    Time link_free{};
    Time armed = kNever;
  };

  void push(Time at, Event event);
  void handle(const Event& event, Time now);
  void arrived(Server& server, const Event& event, Time now);
  void serve(Server& server, const Event& event, Time now);
  void send_back(Server& server, Event event, Time now);
  void arm(int client);
  bool holds(std::uint32_t key, int server) const;
  Duration distance(int client, int server) const;
  static Duration exponential(Duration mean, Random& random);
  Duration between_fetches(Random& arrivals, Time now) const;
  Figures figures() const;
  Time now_{};

  const Scenario scenario_;
  const std::uint64_t seed_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  std::vector<Server> servers_;
  std::vector<One> clients_;
  std::vector<Duration> distances_;
  struct Fetch {
    Time started, done = kNever;
  };
  std::vector<Fetch> fetches_;
  std::uint64_t asks_ = 0, late_asks_ = 0, watched_asks_ = 0, twin_asks_ = 0;
};

}  // namespace quarry::bench
