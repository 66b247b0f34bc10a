#include "bus/identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>

namespace quarry::bus {
namespace {

using Z85 = std::array<char, 41>;
constexpr std::size_t kMostBytes = 4096;  // of the file
constexpr std::string_view kMakeAnew =
    "restore it from a backup, or make a new one with quarry keygen";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string why() { return std::strerror(errno); }

tl::unexpected<Error> damaged(const std::string& file, std::string_view how) {
  return error(Error::Kind::config, "the key file " + file + " is damaged: " + std::string(how),
               std::string(kMakeAnew));
}

Result<std::string> read_private(const std::string& file) {
  const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) {
    return error(Error::Kind::config, "there is no key file " + file,
                 "make one with quarry keygen");
  }
  struct stat is {};
  if (fd.get() < 0 || fstat(fd.get(), &is) != 0) {
    return error(Error::Kind::io, "cannot read the key file " + file + ": " + why());
  }
  if (!S_ISREG(is.st_mode)) return damaged(file, "it is no regular file");
  if ((is.st_mode & 077) != 0) {
    return error(Error::Kind::config, "others may read the key file " + file, "chmod 600 " + file);
  }
  std::string text(kMostBytes, '\0');
  const ssize_t size = read(fd.get(), text.data(), text.size());
  if (size < 0) return error(Error::Kind::io, "cannot read the key file " + file + ": " + why());
  text.resize(static_cast<std::size_t>(size));
  return text;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = write(fd, text.data(), text.size());
    if (size < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return fsync(fd) == 0;
}

void sync_folder(const std::filesystem::path& file) {
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) fsync(fd.get());
}

}  // namespace

Identity Identity::generate() {
  Z85 key{}, secret{};
  QUARRY_CHECK(zmq_curve_keypair(key.data(), secret.data()) == 0);
  return {*peer_from_z85(key.data()), secret.data()};
}

Result<Identity> Identity::load(const std::filesystem::path& file) {
  auto text = read_private(file.string());
  if (!text) return tl::unexpected(text.error());
  std::istringstream lines(*text);
  std::string line, key, secret;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string name, value, more;
    words >> name >> value >> more;
    if (name.empty() || name.front() == '#') continue;
    std::string* to = name == "public" ? &key : name == "secret" ? &secret : nullptr;
    if (to == nullptr || !to->empty() || value.empty() || !more.empty()) {
      return damaged(file.string(), "it holds more than a public and a secret line");
    }
    *to = value;
  }
  const auto peer = peer_from_z85(key);
  if (!peer) return damaged(file.string(), "no public key of 40 Z85 characters");
  if (!peer_from_z85(secret)) return damaged(file.string(), "no secret key of 40 Z85 characters");
  Z85 derived{};
  QUARRY_CHECK(zmq_curve_public(derived.data(), secret.c_str()) == 0);
  if (key != derived.data()) {
    return damaged(file.string(), "the public key does not belong to the secret key");
  }
  return Identity{*peer, secret};
}

// Written beside and linked into place: the file is never seen half written, and link() refuses
// where there is one already.
Result<> Identity::save(const std::filesystem::path& file) const {
  const std::string beside = file.string() + ".new." + std::to_string(getpid());
  const std::string text =
      "# the node's identity; whoever reads the secret can pass for this node\n"
      "public " +
      to_z85(key) + "\nsecret " + secret + "\n";
  std::optional<Descriptor> fd(std::in_place,
                               open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd->get() < 0) {
    return error(Error::Kind::io, "cannot write the key file " + beside + ": " + why(),
                 "check the folder and its permissions");
  }
  const bool written = fchmod(fd->get(), 0600) == 0 && write_all(fd->get(), text);
  const bool placed = written && link(beside.c_str(), file.c_str()) == 0;
  const int failed = errno;
  unlink(beside.c_str());
  if (placed) {
    sync_folder(file);
    return {};
  }
  if (failed == EEXIST) {
    return error(Error::Kind::refused, "there is a key file already: " + file.string(),
                 "a node's key is its name: remove the file only to become another node");
  }
  return error(Error::Kind::io,
               "cannot write the key file " + file.string() + ": " + std::strerror(failed),
               "check the disk and the folder's permissions");
}

}  // namespace quarry::bus
