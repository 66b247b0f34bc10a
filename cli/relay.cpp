#include "cli/relay.hpp"

#define ASIO_STANDALONE
#include <array>
#include <asio.hpp>
#include <csignal>
#include <deque>
#include <memory>
#include <random>

#include "cli/links.hpp"

namespace quarry::cli {
namespace {

using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

// Bytes that wait in one direction before no more are read: a fast link's for the longest delay
// that makes sense, and TCP slows the sender down.
constexpr std::size_t kMostWaiting = 8 * 1024 * 1024;
constexpr std::size_t kChunk = 64 * 1024;
// What a lost packet costs at least: Linux's shortest retransmission timeout.
constexpr auto kRetransmission = std::chrono::milliseconds(200);
// How often the file is looked for: a relay whose testnet was removed is of no use to anybody.
constexpr auto kLookEvery = std::chrono::seconds(1);

// One accepted connection, and the one that it was carried on to.
class Carried : public std::enable_shared_from_this<Carried> {
 public:
  Carried(asio::io_context& io, tcp::socket accepted, const Link& link, std::mt19937_64& random)
      : link_(link),
        random_(random),
        near_(std::move(accepted)),
        far_(io),
        resolver_(io),
        ways_{{{near_, far_, asio::steady_timer(io)}, {far_, near_, asio::steady_timer(io)}}} {}

  void start() {
    // Each time anew: a node that was started again may have another address.
    const std::size_t colon = link_.target.rfind(':');
    resolver_.async_resolve(
        link_.target.substr(0, colon), link_.target.substr(colon + 1),
        [self = shared_from_this()](asio::error_code failed, const auto& addresses) {
          if (failed) return self->close();
          asio::async_connect(self->far_, addresses, [self](asio::error_code refused, const auto&) {
            if (refused) return self->close();
            for (Way& way : self->ways_) self->read(way);
          });
        });
  }
  // The trouble may have changed.
  void go_on() {
    for (Way& way : ways_) write(way);
  }
  void close() {
    asio::error_code ignored;
    resolver_.cancel();
    near_.close(ignored);
    far_.close(ignored);
    for (Way& way : ways_) way.timer.cancel();
  }

 private:
  struct Chunk {
    Clock::time_point due;
    std::vector<char> bytes;
  };
  struct Way {
    tcp::socket& from;
    tcp::socket& to;
    asio::steady_timer timer;
    std::array<char, kChunk> buffer{};
    std::deque<Chunk> waiting{};
    std::size_t bytes = 0;
    bool reading = false;
    bool writing = false;
  };

  void read(Way& way) {
    if (way.reading || way.bytes > kMostWaiting) return;
    way.reading = true;
    way.from.async_read_some(
        asio::buffer(way.buffer),
        [self = shared_from_this(), &way](asio::error_code failed, std::size_t size) {
          way.reading = false;
          if (failed) return self->close();
          self->take(way, size);
          self->read(way);
          self->write(way);
        });
  }

  void take(Way& way, std::size_t size) {
    auto due = Clock::now() + link_.delay;
    if (random_() % 100 < link_.loss_percent) due += kRetransmission;
    if (!way.waiting.empty()) due = std::max(due, way.waiting.back().due);
    way.waiting.push_back({due, {way.buffer.data(), way.buffer.data() + size}});
    way.bytes += size;
  }

  void write(Way& way) {
    if (way.writing || way.waiting.empty() || link_.cut) return;
    way.writing = true;
    way.timer.expires_at(way.waiting.front().due);
    way.timer.async_wait([self = shared_from_this(), &way](asio::error_code ended) {
      if (ended) return;
      asio::async_write(way.to, asio::buffer(way.waiting.front().bytes),
                        [self, &way](asio::error_code failed, std::size_t size) {
                          way.writing = false;
                          if (failed) return self->close();
                          way.waiting.pop_front();
                          way.bytes -= size;
                          self->read(way);
                          self->write(way);
                        });
    });
  }

  const Link& link_;
  std::mt19937_64& random_;
  tcp::socket near_, far_;
  tcp::resolver resolver_;
  std::array<Way, 2> ways_;
};

class Relay {
 public:
  explicit Relay(std::filesystem::path file)
      : file_(std::move(file)), signals_(io_, SIGTERM, SIGINT, SIGHUP), look_(io_) {}

  Result<> run() {
    auto links = read_links(file_);
    if (!links) return tl::unexpected(links.error());
    for (Link& link : *links) {
      if (auto open = listen(std::move(link)); !open) return open;
    }
    wait_for_signal();
    look_for_file();
    io_.run();
    return {};
  }

 private:
  struct Door {
    Link link;
    tcp::acceptor acceptor;
    std::vector<std::weak_ptr<Carried>> carried;
  };

  Result<> listen(Link link) {
    Door& door =
        *doors_.emplace_back(std::make_unique<Door>(Door{std::move(link), tcp::acceptor(io_), {}}));
    asio::error_code failed;
    const tcp::endpoint at(
        door.link.local() ? asio::ip::address_v4::loopback() : asio::ip::address_v4::any(),
        door.link.listen);
    door.acceptor.open(at.protocol(), failed);
    if (!failed) door.acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) door.acceptor.bind(at, failed);
    if (!failed) door.acceptor.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) {
      return error(Error::Kind::busy, "cannot relay at port " + std::to_string(door.link.listen) +
                                          ": " + failed.message());
    }
    accept(door);
    return {};
  }

  void accept(Door& door) {
    door.acceptor.async_accept([this, &door](asio::error_code failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted) return;
      if (!failed) {
        asio::error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        std::erase_if(door.carried, [](const auto& one) { return one.expired(); });
        auto carried = std::make_shared<Carried>(io_, std::move(socket), door.link, random_);
        door.carried.push_back(carried);
        carried->start();
      }
      accept(door);
    });
  }

  void wait_for_signal() {
    signals_.async_wait([this](asio::error_code, int signal) {
      if (signal != SIGHUP) return io_.stop();
      read_again();
      wait_for_signal();
    });
  }

  void look_for_file() {
    look_.expires_after(kLookEvery);
    look_.async_wait([this](asio::error_code) {
      std::error_code unsure;
      if (!std::filesystem::exists(file_, unsure) && !unsure) return io_.stop();
      look_for_file();
    });
  }

  void read_again() {
    const auto links = read_links(file_);
    if (!links || links->size() != doors_.size()) return;
    for (std::size_t i = 0; i < doors_.size(); ++i) {
      doors_[i]->link = (*links)[i];
      for (const auto& one : doors_[i]->carried) {
        if (const auto carried = one.lock()) carried->go_on();
      }
    }
  }

  std::filesystem::path file_;
  asio::io_context io_{1};
  asio::signal_set signals_;
  asio::steady_timer look_;
  std::mt19937_64 random_{std::random_device{}()};
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace

Result<> run_relay(const std::filesystem::path& links) { return Relay(links).run(); }

}  // namespace quarry::cli
