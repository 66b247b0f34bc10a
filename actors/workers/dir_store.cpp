#include "actors/workers/dir_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <utility>

#include "actors/workers/digest.hpp"

namespace quarry::workers::dir_store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSums = ".sha256";
constexpr const char* kNew = ".new-";
constexpr std::size_t kHexDigest = 64;        // characters of a SHA-256
constexpr std::size_t kMostSums = 64 * 1024;  // bytes read of a file of sums

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  operator int() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> cannot(std::string_view what, const fs::path& path, int code = errno) {
  return error(Error::Kind::io,
               "cannot " + std::string(what) + " " + path.string() + ": " + std::strerror(code));
}

// Nonblocking, so that a named pipe in the folder is no trap.
Descriptor open_file(const fs::path& path) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

// Up to `most` bytes, to the end; nothing when it cannot be read.
std::optional<std::string> read_all(int fd, std::size_t expected, std::size_t most) {
  std::string bytes(std::min(expected + 1, most), '\0');
  std::size_t size = 0;
  for (;;) {
    if (size == bytes.size()) {
      if (size == most) return bytes;
      bytes.resize(std::min(most, 2 * size));
    }
    const ssize_t got = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

fs::path sums_of(fs::path file) { return file += kSums; }

// The digests in a file as sha256sum writes it, in hexadecimal.
std::vector<std::string> read_sums(const fs::path& file) {
  std::vector<std::string> sums;
  const Descriptor fd = open_file(file);
  const auto text = fd < 0 ? std::nullopt : read_all(fd, 128, kMostSums);
  if (!text) return sums;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    std::string_view line = std::string_view(*text).substr(at, end - at);
    if (line.starts_with('\\')) line.remove_prefix(1);
    if (line.size() >= kHexDigest) sums.emplace_back(line.substr(0, kHexDigest));
    at = end + 1;
  }
  return sums;
}

// Where a key's value may be.
class Places {
 public:
  explicit Places(fs::path folder) : folder_(std::move(folder)) {}

  const fs::path& folder() const { return folder_; }
  std::array<fs::path, 2> of(const Key& key) const {
    const std::string name = to_hex(key.view());
    return {folder_ / name, folder_ / name.substr(0, 2) / name};
  }
  // Where it is to be written.
  fs::path for_new(const Key& key) const {
    auto [flat, deep] = of(key);
    std::error_code ignored;
    return fs::is_directory(deep.parent_path(), ignored) ? deep : flat;
  }

 private:
  fs::path folder_;
};

class Reader : public ReadsValues {
 public:
  Reader(Places places, Digest digest, const Network& network)
      : places_(std::move(places)),
        digest_(std::move(digest)),
        key_length_(network.key_length),
        keys_are_digests_(!network.digest.empty()) {}

  bool by_keep_alone() const override { return false; }  // anybody may put a file there
  Result<std::vector<report::StoredEntry>> list(const Prefix& after, std::size_t most) override {
    // The folder has no order: the least names so far are kept, and the largest of them goes first.
    std::map<Key, fs::path> least;
    const auto look = [&](const fs::directory_entry& entry) {
      const fs::path& file = entry.path();
      const auto key = key_from_hex(file.filename().string(), key_length_);
      if (!key || places_.of(*key)[0].filename() != file.filename()) return;
      if (text_of(key->view()) <= text_of(after.view())) return;
      if (least.size() == most && *key > std::prev(least.end())->first) return;
      std::error_code ignored;
      if (!entry.is_regular_file(ignored)) return;
      least.emplace(*key, file);
      if (least.size() > most) least.erase(std::prev(least.end()));
    };
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(places_.folder(), code)) {
      const std::string name = entry.path().filename().string();
      std::error_code ignored;
      if (name.size() != 2 || !entry.is_directory(ignored)) {
        look(entry);
        continue;
      }
      for (const auto& file : fs::directory_iterator(entry.path(), ignored)) {
        if (file.path().filename().string().starts_with(name)) look(file);
      }
    }
    if (code) return cannot("read", places_.folder(), code.value());
    std::vector<report::StoredEntry> entries;
    for (const auto& [key, file] : least) {
      std::error_code gone;
      const std::uintmax_t size = fs::file_size(file, gone);
      entries.push_back({key, gone ? 0 : size});
    }
    return entries;
  }

  Look look_up(const Key& key, std::size_t room) override {
    for (const fs::path& file : places_.of(key)) {
      const Descriptor fd = open_file(file);
      if (fd >= 0) return look_into(fd, file, key, room);
      if (errno != ENOENT && errno != ENOTDIR) return failed("open", file);
    }
    return {};
  }

 private:
  static Look failed(std::string_view what, const fs::path& file) {
    return {Look::Answer::failed, {}, 0, cannot(what, file).value().what};
  }

  Look look_into(int fd, const fs::path& file, const Key& key, std::size_t room) const {
    struct stat about {};
    if (::fstat(fd, &about) != 0) return failed("read", file);
    if (!S_ISREG(about.st_mode)) {
      return {Look::Answer::rotten, {}, 0, file.string() + " is no file"};
    }
    const auto size = static_cast<std::size_t>(about.st_size);
    if (size > room) return {Look::Answer::too_large, {}, size, {}};
    auto bytes = read_all(fd, size, room + 1);
    if (!bytes) return failed("read", file);
    if (bytes->size() > room) return {Look::Answer::too_large, {}, bytes->size(), {}};
    const auto digest = digest_.of(bytes_of(*bytes));
    if (!digest) return {Look::Answer::failed, {}, 0, "OpenSSL could not compute a digest"};
    if (auto doubt = doubts(*digest, key, file)) {
      return {Look::Answer::rotten, {}, 0, std::move(*doubt)};
    }
    const std::size_t read = bytes->size();
    return {Look::Answer::found, Payload::of(std::move(*bytes)), read, {}};
  }

  // Why these bytes are not surely the value.
  std::optional<std::string> doubts(const Key& digest, const Key& key, const fs::path& file) const {
    if (keys_are_digests_) {
      if (digest == key) return std::nullopt;
      return "the " + digest_.name() + " of " + file.string() +
             " is not its name; it is rotten, or not whole yet";
    }
    const std::string hex = to_hex(digest.view());
    const auto sums = read_sums(sums_of(file));
    if (std::find(sums.begin(), sums.end(), hex) != sums.end()) return std::nullopt;
    if (sums.empty()) {
      return "no digest stands in " + sums_of(file).string() +
             "; when the file is whole: sha256sum KEY > KEY.sha256";
    }
    return file.string() + " has not the digest that stands beside it; it is rotten, or changed";
  }

  Places places_;
  Digest digest_;
  std::uint8_t key_length_;
  bool keys_are_digests_;
};

class Writer : public WritesValues {
 public:
  Writer(Places places, std::uint8_t key_length, std::optional<Digest> sums, Descriptor lock)
      : places_(std::move(places)),
        key_length_(key_length),
        sums_(std::move(sums)),
        lock_(std::move(lock)) {}

  std::uint8_t key_length() const override { return key_length_; }

  Result<> write(std::span<Change> changes) override {
    // All that waits for the disk's data first, then the names.
    std::vector<Step> steps;
    std::set<fs::path> folders;
    for (Change& change : changes) {
      if (auto prepared = prepare(change, steps); !prepared) return prepared;
    }
    for (const Step& step : steps) {
      if (step.from.empty()) {
        const bool was_there = ::unlink(step.to.c_str()) == 0;
        if (!was_there && errno != ENOENT && errno != ENOTDIR) return cannot("remove", step.to);
        if (step.removes != nullptr && was_there) step.removes->missing = false;
      } else if (::rename(step.from.c_str(), step.to.c_str()) != 0) {
        return cannot("write", step.to);
      }
      folders.insert(step.to.parent_path());
    }
    for (const fs::path& folder : folders) {
      const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (fd < 0 && errno == ENOENT) continue;  // nothing was there to be removed
      if (fd < 0 || ::fsync(fd) != 0) return cannot("sync", folder);
    }
    return {};
  }

 private:
  // A file that takes its name, or, from nowhere, a name that goes.
  struct Step {
    fs::path from;
    fs::path to;
    Change* removes = nullptr;  // a value that goes
  };

  Result<> prepare(Change& change, std::vector<Step>& steps) {
    if (!change.value) {
      change.missing = true;
      for (const fs::path& file : places_.of(change.key)) {
        steps.push_back({{}, file, &change});
        if (sums_) steps.push_back({{}, sums_of(file)});
      }
      return {};
    }
    const fs::path file = places_.for_new(change.key);
    if (sums_) {
      const auto digest = sums_->of(change.value->view());
      if (!digest) return error(Error::Kind::internal, "OpenSSL could not compute a SHA-256");
      // Until the value has its name the one before it is there, and good.
      std::vector<std::string> sums = read_sums(sums_of(file));
      sums.insert(sums.begin(), to_hex(digest->view()));
      if (sums.size() > kDigestsKept) sums.resize(kDigestsKept);
      std::string text;
      for (const std::string& sum : sums) text += sum + "  " + file.filename().string() + "\n";
      auto beside = write_new(steps.size(), bytes_of(text));
      if (!beside) return tl::unexpected(beside.error());
      steps.push_back({std::move(*beside), sums_of(file)});
    }
    auto beside = write_new(steps.size(), change.value->view());
    if (!beside) return tl::unexpected(beside.error());
    steps.push_back({std::move(*beside), file});
    return {};
  }

  Result<fs::path> write_new(std::size_t number, ByteView bytes) {
    fs::path file = places_.folder() / (kNew + std::to_string(number));
    const Descriptor fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (fd < 0) return cannot("write", file);
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return cannot("write", file);
      bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    if (::fsync(fd) != 0) return cannot("write", file);
    return file;
  }

  Places places_;
  std::uint8_t key_length_;
  std::optional<Digest> sums_;
  Descriptor lock_;
};

Result<> check(const fs::path& folder, const Network& network) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    return error(Error::Kind::io, "there is no folder " + folder.string(), "make it first");
  }
  if (network.key_length <= kLongestKey) return {};
  return error(Error::Kind::config,
               "keys of " + std::to_string(network.key_length) + " bytes are too long for files",
               "use --lmdb");
}

Result<Digest> digest_of(const Network& network) {
  return network.digest.empty() ? Digest::open("sha256", kHexDigest / 2)
                                : Digest::open(network.digest, network.key_length);
}

}  // namespace

Result<std::unique_ptr<ReadsValues>> open_reader(const fs::path& folder, const Network& network) {
  if (auto fits = check(folder, network); !fits) return tl::unexpected(fits.error());
  auto digest = digest_of(network);
  if (!digest) return tl::unexpected(digest.error());
  return std::make_unique<Reader>(Places(folder), std::move(*digest), network);
}

Result<std::unique_ptr<WritesValues>> open_writer(const fs::path& folder, const Network& network) {
  if (auto fits = check(folder, network); !fits) return tl::unexpected(fits.error());
  std::optional<Digest> sums;
  if (network.digest.empty()) {
    auto digest = digest_of(network);
    if (!digest) return tl::unexpected(digest.error());
    sums.emplace(std::move(*digest));
  }
  const fs::path lock = folder / ".lock";
  Descriptor held(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (held < 0) return cannot("open", lock);
  if (::flock(held, LOCK_EX | LOCK_NB) != 0) {
    return error(Error::Kind::busy, "another process keeps values in " + folder.string(),
                 "end it first, or only look up here");
  }
  return std::make_unique<Writer>(Places(folder), network.key_length, std::move(sums),
                                  std::move(held));
}

}  // namespace quarry::workers::dir_store
