#pragma once
// The rows of a study's ledger: what is written, and read again for the document.

#include <cstdint>
#include <string>
#include <vector>

#include "whence/experiment/measure.h"
#include "whence/experiment/spec.h"

namespace whence::experiment {

/// One data set as the study met it.
struct DataRow {
    std::string data_set;
    int64_t train = 0, test = 0, height = 0, width = 0, channels = 0;
    std::vector<std::string> classes;
    std::string note;  ///< what its files lack
    /// How the first test pictures fall into superpixels.
    struct Survey {
        std::string segmentation;
        int64_t pictures = 0, single = 0, fewest = 0, most = 0;
        double mean = 0;
    };
    std::vector<Survey> surveys;
};

/// One network at one epoch, explained by one method.
struct ResultRow {
    std::string data_set, architecture, method;
    int64_t iteration = 0, fold = 0, epoch = 0;
    double accuracy = 0, loss = 0;
    Measures measures;
};

/// One explanation, for pictures in the document.
struct ExampleRow {
    std::string data_set, architecture, method;
    int64_t number = 0, label = 0, predicted = 0;
    double probability = 0;
    std::vector<uint8_t> pixels;  ///< bytes [height][width][channels]
    Map map;
};

// Numbers have nine significant digits. JSON objects without an end of line.
[[nodiscard]] std::string to_json(const DataRow& row);
[[nodiscard]] std::string to_json(const ResultRow& row, const Spec& spec);
[[nodiscard]] std::string to_json(const ExampleRow& row);

/// The first row: `data`: a fingerprint of each data set's pictures and labels.
[[nodiscard]] std::string header(const Spec& spec, const std::vector<std::string>& data);

/// A ledger, read.
struct Study {
    Spec spec;
    std::string version, fingerprint;
    std::vector<DataRow> data;
    std::vector<ResultRow> results;
    std::vector<ExampleRow> examples;
};
/// Throws Error(input) for rows that are none of a study.
[[nodiscard]] Study read_study(const std::string& header, const std::vector<std::string>& rows);

}  // namespace whence::experiment
