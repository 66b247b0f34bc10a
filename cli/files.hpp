// Whole files, read and written: never half of one under its final name; and temporary folders.
#pragma once

#include <filesystem>
#include <string>

#include "msg/bytes.hpp"
#include "msg/result.hpp"

namespace quarry::cli {

// Refuses a file of more than `most` bytes without reading all of it.
Result<std::string> read_file(const std::filesystem::path& file, std::size_t most);
Result<std::string> read_descriptor(int fd, std::string_view name, std::size_t most);

// Written to a file beside it, which then takes its name. Replaces what is there, and keeps its
// mode; a new file is made with `mode`, less the umask.
Result<> replace_file(const std::filesystem::path& file, ByteView bytes, unsigned mode = 0666);
// Refuses to replace.
Result<> create_file(const std::filesystem::path& file, std::string_view text, unsigned mode);

// A new folder for our eyes only, quarry-NAME-… where temporary files belong.
Result<std::string> make_temporary_folder(const std::string& name);

// False, with errno, when not all of it could be written.
bool write_all(int fd, ByteView bytes);

}  // namespace quarry::cli
