#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>

#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/digest.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct PutFlags {
  Common common;
  std::vector<std::string> files;
  std::string key;
};

// Files on their way to the node at a time: enough that it is never idle, little enough that many
// large ones do not fill the memory.
constexpr std::size_t kWindowBytes = 8 * 1024 * 1024;
constexpr std::size_t kWindowFiles = 256;

// A name with a line end in it stays on its line, as sha256sum writes it.
std::string line_of(const Key& key, const std::string& file) {
  std::string escaped;
  for (const char c : file) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\r') {
      escaped += "\\r";
    } else {
      escaped += c;
    }
  }
  return (escaped == file ? "" : "\\") + to_hex(key.view()) + "  " + escaped + "\n";
}

// Files go out in a window, and their lines come in the order of the command line.
class Putting {
 public:
  Putting(Client& client, const PutFlags& flags) : client_(client), flags_(flags) {}
  Result<> run();
  Exit code() const { return sum_.code(); }

 private:
  struct File {
    CallId call;
    std::string name;
    Key key;
    std::size_t size = 0;
    bool over = false;
    std::optional<Error> failed = std::nullopt;
  };

  Result<File> start(const std::string& name);
  Result<> wait_for_one();
  void end(CallId call, std::optional<Error> failed);
  Result<> print_ended();
  bool full() const { return bytes_ >= kWindowBytes || files_.size() >= kWindowFiles; }

  Client& client_;
  const PutFlags& flags_;
  std::deque<File> files_;
  std::size_t bytes_ = 0;
  ExitSum sum_;
};

Result<std::string> read_value(const std::string& name, const Network& network) {
  auto value = name == "-" ? read_descriptor(STDIN_FILENO, "stdin", network.max_value)
                           : read_file(name, network.max_value);
  if (!value && value.error().kind == Error::Kind::usage) {
    return error(Error::Kind::refused, value.error().what,
                 "that is the largest value of this network");
  }
  return value;
}

Result<Putting::File> Putting::start(const std::string& name) {
  const Network network = client_.network();
  auto value = read_value(name, network);
  if (!value) return tl::unexpected(value.error());
  auto key = flags_.key.empty() ? digest_of(bytes_of(*value), network)
                                : parse_key(flags_.key, network.key_length);
  if (!key) return tl::unexpected(key.error());
  File file{client_.next_call(), name, std::move(*key), value->size()};
  client_.send(control::Put{file.call, file.key, Payload::of(std::move(*value))});
  return file;
}

Result<> Putting::run() {
  for (const std::string& name : flags_.files) {
    while (full()) {
      if (auto waited = wait_for_one(); !waited) return waited;
    }
    auto file = start(name);
    if (file) {
      bytes_ += file->size;
      files_.push_back(std::move(*file));
    } else {
      files_.push_back({CallId{}, name, Key(), 0, true, file.error()});
      if (auto printed = print_ended(); !printed) return printed;
    }
  }
  while (!files_.empty()) {
    if (auto waited = wait_for_one(); !waited) return waited;
  }
  return {};
}

Result<> Putting::wait_for_one() {
  Client::Items items;
  const auto woken = client_.wait(items, kNever);
  if (!woken) return tl::unexpected(woken.error());
  for (const auto& item : items) {
    if (const auto* done = std::get_if<report::Done>(&item)) end(done->call, std::nullopt);
    if (const auto* failed = std::get_if<report::Failed>(&item)) {
      end(failed->call, refusal("not kept", failed->reason, failed->detail));
    }
  }
  return print_ended();
}

void Putting::end(CallId call, std::optional<Error> failed) {
  for (File& file : files_) {
    if (file.call != call || file.over) continue;
    file.over = true;
    bytes_ -= file.size;
    if (failed) {
      failed->what = file.name + ": key " + to_hex(file.key.view()) + " " + failed->what;
      file.failed = std::move(failed);
    }
    return;
  }
}

Result<> Putting::print_ended() {
  std::string lines;
  for (; !files_.empty() && files_.front().over; files_.pop_front()) {
    const File& file = files_.front();
    if (file.failed) sum_.add(fail(*file.failed));
    if (flags_.common.json) {
      Json json;
      json.begin().add("file", file.name).add("result", file.failed ? "failed" : "kept");
      if (!file.key.empty()) json.add("key", to_hex(file.key.view())).add("size", file.size);
      if (file.failed) json.add("detail", file.failed->what);
      lines += json.end().line();
    } else if (!file.failed) {
      lines += line_of(file.key, file.name);
    }
  }
  return lines.empty() ? Result<>() : print(lines);
}

Exit put(const PutFlags& flags) {
  if (!flags.key.empty() && flags.files.size() > 1) {
    return fail({Error::Kind::usage, "--key names one key, and there are several files",
                 "put them one by one"});
  }
  auto client = Client::connect(flags.common.where());
  if (!client) return fail(client.error());
  const Network network = (*client)->network();
  if (flags.key.empty() && network.digest.empty()) {
    return fail({Error::Kind::usage, "keys of this network are no digests of their values",
                 "name the key: quarry put --key KEY FILE"});
  }
  if (!flags.key.empty()) {
    if (auto key = parse_key(flags.key, network.key_length); !key) return fail(key.error());
  }
  Putting putting(**client, flags);
  if (auto run = putting.run(); !run) return fail(run.error());
  return putting.code();
}

}  // namespace

void add_put(CommandLine& to) {
  const auto flags = std::make_shared<PutFlags>();
  to.command("put", "Keep files in the node's storage, and print their keys",
             "  quarry put *.jpg > keys\n"
             "  echo hello | quarry put -")
      .home(flags->common)
      .arguments("FILE", flags->files, "Files; - for stdin")
      .option("--key", flags->key, "The key, where keys are no digests", "KEY")
      .does([flags] { return put(*flags); });
}

}  // namespace quarry::cli
