#pragma once
// The tiny pair of golden/pair in a folder of its own, in any of the forms in which folders come.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace whence::clip::test {

inline const std::filesystem::path golden =
    std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/clip/golden";

class PairFolder {
  public:
    enum class Form { two_files, single };
    explicit PairFolder(Form form = Form::two_files) {
        std::string name = (std::filesystem::temp_directory_path() / "whence-clip-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
        if (form == Form::single) {
            take("pair/model.onnx", "model.onnx");
        } else {
            take("pair/vision_model.onnx", "vision_model.onnx");
            take("pair/text_model.onnx", "text_model.onnx");
        }
        take("pair/preprocessor_config.json", "preprocessor_config.json");
        take("small/vocab.json", "vocab.json");
        take("small/merges.txt", "merges.txt");
    }
    ~PairFolder() { std::filesystem::remove_all(path_); }
    PairFolder(const PairFolder&) = delete;
    PairFolder& operator=(const PairFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    void move(const std::string& from, const std::string& to) const {
        std::filesystem::create_directories((path_ / to).parent_path());
        std::filesystem::rename(path_ / from, path_ / to);
    }
    void remove(const std::string& name) const { std::filesystem::remove(path_ / name); }
    void write(const std::string& name, const std::string& content) const {
        std::ofstream(path_ / name) << content;
    }
    void change(const std::string& name, const std::function<void(nlohmann::json&)>& how) const {
        std::ifstream stream(path_ / name);
        nlohmann::json json = nlohmann::json::parse(stream);
        stream.close();
        how(json);
        write(name, json.dump());
    }

  private:
    void take(const std::string& from, const std::string& to) const {
        std::filesystem::copy_file(golden / from, path_ / to);
    }
    std::filesystem::path path_;
};

}  // namespace whence::clip::test
