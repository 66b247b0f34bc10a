#include "cli/destination.hpp"

#include <cerrno>
#include <cstring>

#include "cli/files.hpp"
#include "cli/output.hpp"

namespace quarry::cli {

Result<Destination> Destination::choose(const std::string& output, bool several, bool json) {
  if (output == "-" || output.empty()) {
    if (json) return Destination(Kind::nowhere, {});
    if (!several) return Destination(Kind::out, {});
    return error(Error::Kind::usage, "several values do not fit on one stdout",
                 "say where they go: -o DIR");
  }
  const std::filesystem::path path(output);
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) return Destination(Kind::folder, path);
  const bool folder = several || output.ends_with('/');
  if (folder) {
    std::filesystem::create_directory(path, failed);
    if (failed) {
      return error(Error::Kind::io, "cannot make " + output + ": " + failed.message());
    }
    return Destination(Kind::folder, path);
  }
  // A value that has nowhere to go is better not asked for.
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(parent, failed)) {
    return error(Error::Kind::io, "cannot write " + output + ": " + std::strerror(ENOENT));
  }
  return Destination(Kind::file, path);
}

std::filesystem::path Destination::file(const Key& key) const {
  if (kind_ == Kind::file) return path_;
  if (kind_ == Kind::folder) return path_ / to_hex(key.view());
  return {};
}

Result<> Destination::write(const Key& key, ByteView value) const {
  if (kind_ == Kind::out) return print(value);
  if (kind_ == Kind::nowhere) return {};
  return replace_file(file(key), value);
}

}  // namespace quarry::cli
