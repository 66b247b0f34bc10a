// A verifier and a storage on libzmq and msgpack alone, to begin one's own with.
//
//     worker verifier ADDRESS    judges: right is a value that begins with its key and a line end
//     worker storage ADDRESS     has one such value for each key of which the last byte is even
//
// ADDRESS is the door: ipc://HOME/run/verifiers.sock or ipc://HOME/run/storages.sock. Ends by
// SIGTERM. What is said here, and why, stands in docs/protocol/worker.md.
#define MSGPACK_NO_BOOST
#include <csignal>
#include <iostream>
#include <msgpack.hpp>
#include <random>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace {

// Kinds of items, from the worker and from the door; words by their numbers.
constexpr int kHello = 1, kVerdict = 2, kFound = 3, kNoData = 4, kTooLarge = 5, kPong = 8, kBye = 9;
constexpr int kWelcome = 32, kJudge = 33, kLookUp = 35, kPing = 38, kRefused = 39;
constexpr int kComplete = 1, kInvalid = 4;
constexpr int kUnknown = 11;

volatile std::sig_atomic_t ended = 0;

// One message: items, and the values that they speak of, back to back.
class Message {
 public:
  template <class... Fields>
  void add(const Fields&... fields) {
    ++count_;
    items_.pack_array(sizeof...(fields));
    (items_.pack(fields), ...);
  }
  void add_value(const std::string& bytes) { values_ += bytes; }

  void send(zmq::socket_t& door) {
    if (count_ == 0) return;
    msgpack::sbuffer head;
    msgpack::packer<msgpack::sbuffer> envelope(head);
    envelope.pack_array(4);
    envelope.pack(3);              // the worker protocol,
    envelope.pack(1);              // its version,
    envelope.pack(std::string());  // any network
    envelope.pack_array(count_);
    const std::string frame =
        std::string(head.data(), head.size()) + std::string(buffer_.data(), buffer_.size());
    door.send(zmq::buffer(frame),
              values_.empty() ? zmq::send_flags::none : zmq::send_flags::sndmore);
    if (!values_.empty()) door.send(zmq::buffer(values_), zmq::send_flags::none);
  }

 private:
  msgpack::sbuffer buffer_;
  msgpack::packer<msgpack::sbuffer> items_{buffer_};
  std::string values_;
  std::uint32_t count_ = 0;
};

std::string bytes_of(const msgpack::object& object) {
  return {object.via.bin.ptr, object.via.bin.size};
}

// A judge that is sure: the value itself says whose it is.
bool right(const std::string& key, const std::string& value) {
  return value.compare(0, key.size() + 1, key + "\n") == 0;
}

void look_up(std::uint64_t job, const std::string& key, std::size_t room, Message& answers) {
  const std::string value = key + "\nmade by a worker in C++\n";
  if (key.back() % 2 != 0) {
    answers.add(kNoData, job);
  } else if (value.size() > room) {
    answers.add(kTooLarge, job, value.size());
  } else {
    answers.add(kFound, job, value.size());
    answers.add_value(value);
  }
}

void say_hello(const std::string& role, std::uint64_t instance, Message& to) {
  const bool storage = role == "storage";
  // Role, instance, credit, abilities (a storage's: it looks up), name, program, keys (all).
  to.add(kHello, storage ? 2 : 1, instance, 64, storage ? 1 : 0, std::string("example"),
         std::string("example/1"), std::vector<int>());
}

// What one message asks for, answered in one.
void answer(const std::string& role, std::uint64_t instance, const msgpack::object& items,
            const std::string& values, Message& answers) {
  std::size_t at = 0;  // where the next item's value begins
  for (const msgpack::object& item : items.as<std::vector<msgpack::object>>()) {
    const auto fields = item.as<std::vector<msgpack::object>>();
    switch (fields.at(0).as<int>()) {
      case kJudge: {  // job, key, peer, subscribers, value
        const auto size = fields.at(5).as<std::size_t>();
        const bool is_right = right(bytes_of(fields.at(2)), values.substr(at, size));
        at += size;
        answers.add(kVerdict, fields.at(1).as<std::uint64_t>(), is_right ? kComplete : kInvalid,
                    std::vector<int>());
        break;
      }
      case kLookUp:  // job, key, room
        look_up(fields.at(1).as<std::uint64_t>(), bytes_of(fields.at(2)),
                fields.at(3).as<std::size_t>(), answers);
        break;
      case kPing:
        answers.add(kPong, fields.at(1).as<std::uint64_t>());
        break;
      case kWelcome:
        std::cerr << "attached to network " << fields.at(1).as<std::string>() << std::endl;
        break;
      case kRefused:  // reason, detail
        std::cerr << "refused: " << fields.at(2).as<std::string>() << std::endl;
        // The node was started again, and knows nobody.
        if (fields.at(1).as<int>() == kUnknown) say_hello(role, instance, answers);
        break;
    }
  }
}

int run(const std::string& role, const std::string& address) {
  zmq::context_t context;
  zmq::socket_t door(context, zmq::socket_type::dealer);
  door.set(zmq::sockopt::linger, 200);
  door.set(zmq::sockopt::rcvtimeo, 2000);
  door.connect(address);
  std::random_device chance;
  const std::uint64_t instance = (std::uint64_t{chance()} << 32) | chance() | 1;
  bool greet = true;
  while (ended == 0) {
    Message out;
    if (greet) say_hello(role, instance, out);
    zmq::message_t envelope, values;
    out.send(door);
    try {
      // A door that is silent may have forgotten us: it is greeted again.
      greet = !door.recv(envelope).has_value();
      if (greet) continue;
      if (envelope.more()) (void)door.recv(values);
    } catch (const zmq::error_t& interrupted) {
      continue;
    }
    const auto handle = msgpack::unpack(static_cast<const char*>(envelope.data()), envelope.size());
    Message answers;
    answer(role, instance, handle.get().as<std::vector<msgpack::object>>().at(3),
           values.to_string(), answers);
    answers.send(door);
  }
  Message bye;
  bye.add(kBye);
  bye.send(door);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string role = argc == 3 ? argv[1] : "";
  if (role != "verifier" && role != "storage") {
    std::cerr << "worker verifier|storage ADDRESS" << std::endl;
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { ended = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  return run(role, argv[2]);
}
