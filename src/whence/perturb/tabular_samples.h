#pragma once
// Rows of a table drawn around one row.

#include <span>

#include "whence/core/rng.h"
#include "whence/perturb/design.h"
#include "whence/perturb/kernel.h"
#include "whence/perturb/tabular_space.h"

namespace whence::perturb {

/// What both schemes share. The interpretable features are the columns (and groups of them): 1
/// where a category, bin or combination is the input's, 0 where not; a number that is not cut into
/// bins counts deviations from the mean.
class TabularSamples : public Neighbourhood {
  public:
    TabularSamples(const TabularSpace& space, std::string input_name, std::span<const double> row,
                   bool around_row, Kernel kernel);
    [[nodiscard]] Design blank(int64_t rows) const override;
    [[nodiscard]] const std::vector<double>& origin() const override { return origin_; }
    void draw(int64_t first, Design& design, Batch& rows, const Run& run) const override;

  protected:
    /// What one sample after another is made in.
    struct Scratch {
        std::vector<double> values, features;
        std::vector<double> uniforms;  ///< of a pair
        int64_t pair = -1;
        // Columns whose value is mean + deviation * normal_quantile(p), cut to [low, high]: the
        // quantiles of a row are taken together.
        std::vector<int64_t> columns;
        std::vector<double> p, mean, deviation, low, high;
        size_t waiting = 0;

        Scratch(size_t row, size_t features);
        void wait(int64_t column, double share, double centre, double spread, double least,
                  double most);
        /// Writes the values that wait.
        void place();
    };
    /// Sample number `index`: its values and its features. Returns its weight.
    virtual double sample(int64_t index, Scratch& scratch) const = 0;
    [[nodiscard]] virtual bool weighted() const = 0;
    /// Levels of a discrete column as intervals of a number u from 0 to 1, in their order.
    struct Piece {
        int64_t level;
        double begin, width;
        double share = 0, slope = 0;  ///< of the level's normal below: share + slope * u
    };
    static Piece piece(const Column& column, int64_t level, double begin, double width);
    /// What u stands for, now or with those that wait: returns the level.
    int64_t place_piece(size_t column, const std::vector<Piece>& pieces, double u,
                        Scratch& scratch) const;
    /// After place: what was drawn for columns of numbers are their features.
    void scale_numbers(Scratch& scratch) const;

    const TabularSpace& space_;
    Kernel kernel_;
    std::vector<double> row_;
    std::vector<int64_t> own_;  ///< level of the input in each discrete column, -1: none
    std::vector<double> origin_;
    std::vector<double> centre_;  ///< of the normal numbers are drawn from, in deviations
    bool binary_ = true;

  private:
    std::string input_name_;
};

/// GLIME's samples: the kernel's factor exp(-1 / (2 width^2)) of each column that differs is a
/// factor of that column's own distribution, so every column is drawn alone and all weights are 1.
/// With p the background's share of the input's bin it is kept with p / (p + (1 - p) factor); a
/// number drawn from N(c, 1) and weighted by N(z0, width^2) is N((c width^2 + z0) / (1 + width^2),
/// width^2 / (1 + width^2)). One uniform number decides each column of a pair, u in one sample and
/// 1 - u in the other, stratified over every 128 samples (a Latin hypercube: McKay, Beckman,
/// Conover 1979) unless `sampling` is gaussian. A kernel of another distance than the Euclidean, or
/// another function of it, has no factor for each column: then columns are drawn as the background is spread, and the kernel is
/// the weight.
class StableTabularSamples : public TabularSamples {
  public:
    StableTabularSamples(const TabularSpace& space, std::string input_name,
                         std::span<const double> row, bool around_row, const Kernel& kernel,
                         uint64_t seed, int64_t samples, Sampling sampling = Sampling::automatic);
    [[nodiscard]] bool paired() const override { return true; }

  protected:
    double sample(int64_t index, Scratch& scratch) const override;
    [[nodiscard]] bool weighted() const override {
        return kernel_.distance != Distance::euclidean || kernel_.function;
    }

  private:
    void draw_strata(int64_t samples);
    /// One number of each column for the first of a pair; its twin has 1 less these.
    void draw_uniforms(int64_t pair, std::span<double> uniforms) const;
    [[nodiscard]] std::vector<Piece> pieces_of(size_t column, double differs) const;

    uint64_t seed_;
    std::vector<std::vector<Piece>>
        pieces_;  // of each discrete column: the input's own level first
    std::vector<uint8_t>
        strata_;  // [block][column][pair]: stratum, and in bit 6 which twin is below 1/2; or none
};

/// The lime package's: every column by the background's frequencies, or N(c, 1); the first sample
/// is the input; weights by the kernel. With latin_hypercube numbers that are not cut into bins
/// have one of `samples` quantiles in each of as many equal parts.
class CompatibleTabularSamples : public TabularSamples {
  public:
    CompatibleTabularSamples(const TabularSpace& space, std::string input_name,
                             std::span<const double> row, bool around_row, const Kernel& kernel,
                             uint64_t seed, int64_t samples = 0,
                             Sampling sampling = Sampling::automatic);
    [[nodiscard]] bool paired() const override { return false; }

  protected:
    double sample(int64_t index, Scratch& scratch) const override;
    [[nodiscard]] bool weighted() const override { return true; }

  private:
    uint64_t seed_;
    int64_t samples_;
    std::vector<std::vector<Piece>> pieces_;
    std::vector<std::vector<int32_t>> order_;  // of each column's strata; none: not stratified
};

}  // namespace whence::perturb
