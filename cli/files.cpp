#include "cli/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace quarry::cli {
namespace {

auto failed(std::string_view verb, const std::filesystem::path& file, int code) {
  return error(Error::Kind::io,
               "cannot " + std::string(verb) + " " + file.string() + ": " + std::strerror(code));
}

}  // namespace

Result<std::string> read_descriptor(int fd, std::string_view name, std::size_t most) {
  std::string text;
  struct stat about {};
  if (::fstat(fd, &about) == 0) {
    if (S_ISDIR(about.st_mode)) return failed("read", name, EISDIR);
    if (S_ISREG(about.st_mode)) {
      text.reserve(std::min(most, static_cast<std::size_t>(about.st_size)) + 1);
    }
  }
  constexpr std::size_t kPiece = 256 * 1024;
  for (;;) {
    const std::size_t before = text.size();
    const std::size_t piece = std::min(kPiece, std::max(text.capacity() - before, kPiece / 4));
    text.resize(before + piece);
    const ssize_t got = ::read(fd, text.data() + before, piece);
    if (got < 0 && errno != EINTR) return failed("read", name, errno);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return text;
    if (text.size() > most) {
      return error(Error::Kind::usage,
                   std::string(name) + " has more than " + std::to_string(most) + " bytes");
    }
  }
}

Result<std::string> read_file(const std::filesystem::path& file, std::size_t most) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("read", file, errno);
  auto text = read_descriptor(fd, file.string(), most);
  ::close(fd);
  return text;
}

Result<> replace_file(const std::filesystem::path& file, ByteView bytes, unsigned mode) {
  std::string beside = file.string() + ".XXXXXX";
  const int fd = ::mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) return failed("write", file, errno);
  struct stat about {};
  if (::stat(file.c_str(), &about) == 0) {
    mode = about.st_mode & 07777;
  } else {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    mode &= ~mask;
  }
  int code = 0;
  if (!write_all(fd, bytes) || ::fchmod(fd, mode) != 0) code = errno;
  if (::close(fd) != 0 && code == 0) code = errno;
  if (code == 0 && ::rename(beside.c_str(), file.c_str()) != 0) code = errno;
  if (code == 0) return {};
  ::unlink(beside.c_str());
  return failed("write", file, code);
}

Result<> create_file(const std::filesystem::path& file, std::string_view text, unsigned mode) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return failed("make", file, errno);
  int code = write_all(fd, bytes_of(text)) ? 0 : errno;
  if (::close(fd) != 0 && code == 0) code = errno;
  if (code == 0) return {};
  ::unlink(file.c_str());
  return failed("write", file, code);
}

bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno != EINTR) return false;
    if (put > 0) bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

Result<std::string> make_temporary_folder(const std::string& name) {
  std::error_code code;
  std::string folder = std::filesystem::temp_directory_path(code) / ("quarry-" + name + "-XXXXXX");
  if (!code && ::mkdtemp(folder.data()) != nullptr) return folder;
  return error(Error::Kind::io,
               "cannot make a temporary folder: " +
                   (code ? code.message() : std::string(std::strerror(errno))),
               "set TMPDIR to one that is there and may be written to");
}

}  // namespace quarry::cli
