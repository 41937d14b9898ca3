// Tables: quoting, kinds of columns, missing values, a schema given from outside, error messages.

#include "whence/data/csv.h"

#include <cmath>

#include "data/support.h"

namespace whence::data {
namespace {

using test::error_of;
using test::TemporaryFolder;

std::string error_in(std::string_view text) {
    return error_of([&] { (void)parse_csv(text, "t.csv"); });
}

TEST(Csv, NumbersAndCategories) {
    const Table table =
        parse_csv("age,job,pay\n17,cook,1.5e3\n+18,clerk,-2\n19,cook,.5\n", "t.csv");
    EXPECT_EQ(table.rows(), 3);
    ASSERT_EQ(table.schema.size(), 3U);
    EXPECT_FALSE(table.schema[0].categorical());
    EXPECT_EQ(table.columns[0], (std::vector<double>{17, 18, 19}));
    EXPECT_EQ(table.schema[1].categories, (std::vector<std::string>{"clerk", "cook"})) << "sorted";
    EXPECT_EQ(table.columns[1], (std::vector<double>{1, 0, 1}));
    EXPECT_EQ(table.columns[2], (std::vector<double>{1500, -2, 0.5}));
    EXPECT_EQ(table.matrix(), Tensor::of<double>({3, 3}, {17, 1, 1500, 18, 0, -2, 19, 1, 0.5}));
    EXPECT_EQ(table.matrix(std::vector<std::string>{"pay", "age"}),
              Tensor::of<double>({3, 2}, {1500, 17, -2, 18, 0.5, 19}));
    EXPECT_EQ(table.find("pay"), 2U);
    EXPECT_EQ(table.find("Pay"), std::nullopt);
    EXPECT_EQ(table.text(1, 1), "clerk");
    EXPECT_EQ(table.text(0, 2), "1500");
}

TEST(Csv, OrderOfRowsDoesNotChangeCodes) {
    EXPECT_EQ(parse_csv("x\nb\na\n", "").schema[0].categories,
              parse_csv("x\na\nb\n", "").schema[0].categories);
}

TEST(Csv, QuotesHoldAnything) {
    const Table table = parse_csv("\"a,b\",c\n\"x\"\"y\n z\",\"\"\n  \" q \"  ,w v \n", "t.csv");
    EXPECT_EQ(table.schema[0].name, "a,b");
    EXPECT_EQ(table.schema[0].categories, (std::vector<std::string>{" q ", "x\"y\n z"}));
    EXPECT_EQ(table.schema[1].categories, (std::vector<std::string>{"w v"}));
    EXPECT_TRUE(table.schema[1].allows_missing) << "a quoted empty cell is missing too";
}

TEST(Csv, DelimitersLineBreaksAndMarks) {
    const Tensor expected = Tensor::of<double>({2, 2}, {1, 2, 3, 4});
    for (const std::string text : {"a,b\n1,2\n3,4\n", "a;b\n1;2\n3;4", "a\tb\n1\t2\n3\t4\n",
                                   "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r",
                                   "\xEF\xBB\xBF"
                                   "a,b\n1,2\n3,4\n",
                                   "\n\na,b\n\n1,2\n  \n3,4\n\n\n", " a , b\n 1,2 \n3 , 4\n"}) {
        const Table table = parse_csv(text, "t.csv");
        EXPECT_EQ(table.matrix(), expected) << text;
        EXPECT_EQ(table.schema[0].name, "a") << text;
    }
    EXPECT_EQ(parse_csv("\"x;y\",b\n1,2\n", "").schema[0].name, "x;y")
        << "quoted delimiters do not count";
}

TEST(Csv, MissingValues) {
    const Table table = parse_csv("a,b,c,d\n1,x,,5\nNA,?,NaN,6\nnan,y,,7\n", "t.csv");
    EXPECT_TRUE(std::isnan(table.columns[0][1]));
    EXPECT_TRUE(std::isnan(table.columns[0][2]));
    EXPECT_TRUE(std::isnan(table.columns[1][1]));
    EXPECT_EQ(table.schema[1].categories, (std::vector<std::string>{"x", "y"}));
    EXPECT_TRUE(table.schema[0].allows_missing);
    EXPECT_TRUE(table.schema[1].allows_missing);
    EXPECT_TRUE(table.schema[2].allows_missing);
    EXPECT_FALSE(table.schema[2].categorical()) << "nothing but missing: a number";
    EXPECT_FALSE(table.schema[3].allows_missing);
    EXPECT_EQ(table.text(1, 0), "");
}

TEST(Csv, OneColumnMayHaveQuotedEmptyCells) {
    const Table table = parse_csv("a\n1\n\"\"\n\n2\n", "t.csv");
    EXPECT_EQ(table.rows(), 3);
    EXPECT_TRUE(std::isnan(table.columns[0][1]));
}

TEST(Csv, RaggedRows) {
    EXPECT_EQ(error_in("a,b\n1,2\n\n3\n"), "input: t.csv line 4: 1 cell, the header has 2");
    EXPECT_EQ(error_in("a,b\n\"1\n\",2\n3,4,5\n"),
              "input: t.csv line 4: 3 cells, the header has 2");
}

TEST(Csv, BrokenText) {
    EXPECT_EQ(error_in(""), "input: t.csv: this table is empty");
    EXPECT_EQ(error_in("\n\n"), "input: t.csv: this table is empty");
    EXPECT_EQ(error_in("a,b\n"), "input: t.csv: no row below the header");
    EXPECT_EQ(error_in("a,b\n1,\"2\n"),
              "input: t.csv line 2: a quote that is opened and never closed");
    EXPECT_EQ(error_in("a,b\n1,\"2\"3\n"), "input: t.csv line 2: text after a closing quote");
    EXPECT_EQ(error_in(std::string("a,b\n1,\0\n", 8)),
              "input: t.csv line 2: a NUL byte: this is no text in UTF-8");
    EXPECT_EQ(error_in(std::string("\xFF\xFE"
                                   "a\0",
                                   4)),
              "input: t.csv line 1: this is UTF-16; save the table as UTF-8");
}

TEST(Csv, HeaderIsRequired) {
    EXPECT_EQ(error_in("1.5,2\n3,4\n"),
              "input: t.csv line 1: numbers where a header with the names of the columns belongs");
    EXPECT_EQ(error_in("x,y,x\n1,2,3\n"), "input: t.csv line 1: two columns are named 'x'");
    EXPECT_EQ(parse_csv("0,1,2\n3,4,5\n", "").schema[2].name, "2")
        << "pandas counts columns without names";
    EXPECT_EQ(parse_csv(",a\n0,5\n", "").schema[0].name, "unnamed_1");
}

TEST(Csv, InfinityIsRefused) {
    for (const std::string cell : {"inf", "-inf", "Infinity", "1e999", "-1e999"})
        EXPECT_EQ(error_in("a,b\n1,2\n3," + cell + "\n"),
                  "input: t.csv line 3: column 'b' is infinite")
            << cell;
    EXPECT_EQ(parse_csv("a\n1e-999\n", "").columns[0][0], 0.0);
    EXPECT_EQ(error_in("a\n1\nNAN\n"),
              "input: t.csv line 3: column 'a' holds 'NAN', which is no number");
}

const Schema& trained() {
    static const Schema schema = {
        {"age", {}, false}, {"job", {"clerk", "cook"}, false}, {"pay", {}, true}};
    return schema;
}

std::string error_trained(std::string_view text) {
    return error_of([&] { (void)parse_csv(text, "t.csv", trained()); });
}

TEST(CsvWithSchema, ColumnsByNameInItsOrder) {
    const Table table = parse_csv("id,pay,job,age\nq7,?,cook,30\n", "t.csv", trained());
    ASSERT_EQ(table.schema.size(), 3U);
    EXPECT_EQ(table.schema[1].name, "job");
    EXPECT_EQ(table.columns[0][0], 30);
    EXPECT_EQ(table.columns[1][0], 1)
        << "the code of the training table, though 'clerk' does not occur";
    EXPECT_TRUE(std::isnan(table.columns[2][0]));
}

TEST(CsvWithSchema, Errors) {
    EXPECT_EQ(error_trained("age,job,pay\n30,cook,1\nold,cook,1\n"),
              "input: t.csv line 3: column 'age' holds 'old', which is no number");
    EXPECT_EQ(
        error_trained("age,job,pay\n30,baker,1\n"),
        "input: t.csv line 2: column 'job' holds the unknown category 'baker'; known: clerk, cook");
    EXPECT_EQ(error_trained("age,job,pay\n,cook,1\n"),
              "input: t.csv line 2: column 'age' is missing, which it may not be");
    EXPECT_EQ(error_trained("age,job,pay\n30,,1\n"),
              "input: t.csv line 2: column 'job' is missing, which it may not be");
    EXPECT_EQ(error_trained("age,job\n30,cook\n"),
              "input: t.csv: no column 'pay'; the columns are age, job");
    EXPECT_EQ(error_trained("age,job,pay\ninf,cook,1\n"),
              "input: t.csv line 2: column 'age' is infinite");
}

TEST(CsvWithSchema, CategoriesComeBeforeMissingAndNumbers) {
    const Schema schema = {{"x", {"?", "1", "NA"}, true}};
    const Table table = parse_csv("x\nNA\n1\n?\n\"\"\n", "t.csv", schema);
    EXPECT_EQ(table.columns[0][0], 2);
    EXPECT_EQ(table.columns[0][1], 1);
    EXPECT_EQ(table.columns[0][2], 0);
    EXPECT_TRUE(std::isnan(table.columns[0][3]));
}

TEST(CsvWithSchema, ManyCategoriesStayOneLine) {
    Schema schema = {{"x", {}, false}};
    for (int i = 0; i < 1000; ++i) schema[0].categories.push_back(std::to_string(i));
    const std::string error = error_of([&] { (void)parse_csv("x\nq\n", "t.csv", schema); });
    EXPECT_LT(error.size(), 200U);
    EXPECT_TRUE(error.ends_with("and 988 more")) << error;
}

TEST(Csv, SelectNamesWhatIsThere) {
    const Table table = parse_csv("a,b\n1,2\n", "t.csv");
    EXPECT_EQ(error_of([&] { (void)table.select(std::vector<std::string>{"c"}); }),
              "input: the table: no column 'c'; the columns are a, b");
}

TEST(Csv, WritingReadsBackTheSame) {
    const std::string text =
        "\"a,b\",plain,\" blanks \"\n\"x\"\"y\nz\",0.1,\"semi;colon\"\nq,1e+300,\n";
    const Table table = parse_csv(text, "t.csv");
    EXPECT_EQ(to_csv(table), text);
    const Table again = parse_csv(to_csv(table), "again");
    EXPECT_EQ(to_csv(again), to_csv(table));
    EXPECT_EQ(csv_line(std::vector<std::string>{""}), "\"\"\n") << "an empty line would be skipped";
}

TEST(Csv, DoublesSurviveWriting) {
    Table table{{{"x", {}, false}},
                {{0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1234567890123456.0}}};
    EXPECT_EQ(parse_csv(to_csv(table), "").columns, table.columns);
}

TEST(Csv, ReadsFiles) {
    const TemporaryFolder folder;
    write_file(folder / "t.csv", "a\n1\n2,3\n");
    EXPECT_TRUE(error_of([&] {
                    (void)read_csv(folder / "t.csv");
                }).ends_with("t.csv line 3: 2 cells, the header has 1"));
    EXPECT_TRUE(error_of([] {
                    (void)read_csv("/no/such.csv");
                }).starts_with("io: cannot read /no/such.csv"));
}

}  // namespace
}  // namespace whence::data
