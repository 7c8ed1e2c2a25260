export { LabelLake } from "./label-lake";
export { cargoLambda } from "./program";
export { Aggregation, AllJobs, LabelLakeProps, Videos } from "./props";
